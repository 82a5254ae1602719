// Small helpers for the pages: typed element lookup, showing and hiding, copying. Nothing about broadcasts.

import { icon } from './icons.js';

/**
 * @template {Element} T
 * @param {string} id
 * @param {new () => T} type for example HTMLButtonElement
 * @returns {T}
 */
export function byId(id, type) {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new Error(`The page has no ${type.name} #${id}.`);
  return element;
}

/**
 * An element with its properties and what stands in it; text stays text.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Partial<HTMLElementTagNameMap[Tag]>} [properties]
 * @param {...(Node | string)} content
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, properties = {}, ...content) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...content);
  return made;
}

/** Puts the pictures into all elements with `data-icon`. */
export function fillIcons() {
  for (const element of document.querySelectorAll('[data-icon]')) setIcon(element, element.getAttribute('data-icon'));
}

/**
 * @param {Element | null} element
 * @param {string | null} name
 */
export function setIcon(element, name) {
  if (element && name && element.getAttribute('data-shown') !== name) {
    element.setAttribute('data-shown', name);
    element.replaceChildren(icon(name));
  }
}

/**
 * Sets text only when it changed, so that a live region does not say it again.
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * A line that is hidden while it has nothing to say.
 * @param {HTMLElement} element
 * @param {string} text
 */
export function setLine(element, text) {
  setText(element, text);
  element.hidden = text === '';
}

/**
 * Hides an element. Where it had the keyboard's focus, that goes on to what took its place: else it would fall back to the top of
 * the page, and who does not see the page would not know where they are.
 * @param {HTMLElement} element
 * @param {HTMLElement} successor is shown already
 */
export function hideFor(element, successor) {
  if (!element.hidden && element.contains(document.activeElement)) {
    // Text takes focus only when it is told to; by Tab it is not reached even so.
    if (successor.tabIndex < 0) successor.tabIndex = -1;
    successor.focus({ preventScroll: true });
  }
  element.hidden = true;
}

/**
 * Copies a field's text on a click; falls back to selecting it, where there is no clipboard (plain http).
 * @param {HTMLButtonElement} button with a `.label` inside
 * @param {HTMLInputElement} field
 */
export function copyOnClick(button, field) {
  const label = button.querySelector('.label') ?? button;
  const original = label.textContent ?? '';
  button.addEventListener('click', async () => {
    label.textContent = (await copyText(field)) ? 'Copied' : 'Press Ctrl+C';
    setTimeout(() => {
      label.textContent = original;
    }, 2000);
  });
  field.addEventListener('focus', () => field.select());
}

/** @param {HTMLInputElement} field */
async function copyText(field) {
  try {
    await navigator.clipboard.writeText(field.value);
    return true;
  } catch {
    field.focus();
    field.select();
    return document.execCommand('copy');
  }
}

/**
 * 3:07, or 1:03:07 from an hour on.
 * @param {number} ms
 */
export function durationText(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const shown = parts[0] === 0 ? parts.slice(1) : parts;
  return shown.map((part, index) => (index === 0 ? String(part) : String(part).padStart(2, '0'))).join(':');
}
