// The overlay: data messages that are boxes, drawn over the picture of a video. The upper half is pure.
// Where messages come from is not its business.

/** A box without a new message is taken away after this long. */
const LIFETIME_MS = 5_000;
const MAX_BOXES = 100;
const MAX_TEXT = 200;

/**
 * @typedef {object} Box
 * @property {string} text
 * @property {number} x
 * @property {number} y
 * @property {number} width
 * @property {number} height
 * @property {'fraction' | 'pixel'} unit of the picture, or of the video frame
 */

/**
 * Reads a data message: JSON with `text`, `x`, `y`, `width`, `height`, an array of those, an object with such an array as
 * `boxes`, or `null`.
 * @param {string} message
 * @returns {Box[] | undefined} undefined: not an overlay message. Empty: take the boxes away
 */
export function parseOverlay(message) {
  if (!/^\s*[[{n]/.test(message)) return undefined;
  let value;
  try {
    value = JSON.parse(message);
  } catch {
    return undefined;
  }
  if (value === null) return [];
  const listed = Array.isArray(value.boxes) ? value.boxes : value;
  const boxes = (Array.isArray(listed) ? listed : [listed]).map(parseBox);
  const valid = boxes.filter((box) => box !== undefined);
  return valid.length === boxes.length ? valid.slice(0, MAX_BOXES) : undefined;
}

/**
 * @param {unknown} value
 * @returns {Box | undefined}
 */
function parseBox(value) {
  if (typeof value !== 'object' || value === null) return undefined;
  const { text, x, y, width, height } = /** @type {Record<string, unknown>} */ (value);
  if (typeof text !== 'string' && typeof text !== 'number') return undefined;
  if (!isNumber(x) || !isNumber(y) || !isNumber(width) || !isNumber(height)) return undefined;
  if (width < 0 || height < 0) return undefined;
  const unit = Math.max(x, y, width, height) <= 1 ? 'fraction' : 'pixel';
  return { text: String(text).slice(0, MAX_TEXT), x, y, width, height, unit };
}

/**
 * @param {unknown} value
 * @returns {value is number}
 */
function isNumber(value) {
  return typeof value === 'number' && Number.isFinite(value);
}

/**
 * Where the picture lies in its element with `object-fit: contain`, in CSS pixels.
 * @param {{ width: number, height: number }} frame of the video
 * @param {{ width: number, height: number }} element
 */
export function pictureRect(frame, element) {
  if (frame.width <= 0 || frame.height <= 0) return { left: 0, top: 0, width: element.width, height: element.height };
  const scale = Math.min(element.width / frame.width, element.height / frame.height);
  const width = frame.width * scale;
  const height = frame.height * scale;
  return { left: (element.width - width) / 2, top: (element.height - height) / 2, width, height };
}

/**
 * A box in percent of the picture.
 * @param {Box} box
 * @param {{ width: number, height: number }} frame
 */
export function boxInPercent(box, frame) {
  const horizontal = box.unit === 'fraction' ? 100 : 100 / (frame.width || 1);
  const vertical = box.unit === 'fraction' ? 100 : 100 / (frame.height || 1);
  return {
    left: box.x * horizontal,
    top: box.y * vertical,
    width: box.width * horizontal,
    height: box.height * vertical,
  };
}

/** Draws the boxes of each label over a video. */
export class Overlay {
  #element;
  #video;
  /** @type {Map<string, { boxes: Box[], elements: HTMLElement[], timer: ReturnType<typeof setTimeout> }>} */
  #labels = new Map();

  /**
   * @param {HTMLElement} element laid over the video; gets the place of the picture
   * @param {HTMLVideoElement} video
   */
  constructor(element, video) {
    this.#element = element;
    this.#video = video;
    new ResizeObserver(() => this.#place()).observe(video);
    video.addEventListener('resize', () => this.#place());
  }

  /**
   * @param {string} label each label has boxes of its own
   * @param {string} message
   * @param {{ glides?: boolean }} [options] `glides`: boxes move to a new place, else they are there with the next frame
   * @returns {boolean} false: not an overlay message
   */
  take(label, message, { glides = true } = {}) {
    const boxes = parseOverlay(message);
    if (!boxes) return false;
    const old = this.#labels.get(label);
    clearTimeout(old?.timer);
    const elements = this.#elementsFor(boxes.length, old?.elements ?? []);
    for (const element of elements) element.classList.toggle('glides', glides);
    if (boxes.length === 0) {
      this.#labels.delete(label);
      return true;
    }
    const timer = setTimeout(() => this.take(label, 'null'), LIFETIME_MS);
    this.#labels.set(label, { boxes, elements, timer });
    this.#place();
    return true;
  }

  clear() {
    for (const label of [...this.#labels.keys()]) this.take(label, 'null');
  }

  /**
   * Elements are used again, so that a box that moves can glide.
   * @param {number} count
   * @param {HTMLElement[]} elements
   */
  #elementsFor(count, elements) {
    for (const element of elements.slice(count)) element.remove();
    const kept = elements.slice(0, count);
    while (kept.length < count) {
      const element = document.createElement('div');
      element.className = 'overlay-box';
      element.append(document.createElement('span'));
      this.#element.append(element);
      kept.push(element);
    }
    return kept;
  }

  #place() {
    const frame = { width: this.#video.videoWidth, height: this.#video.videoHeight };
    const rect = pictureRect(frame, { width: this.#video.clientWidth, height: this.#video.clientHeight });
    setRect(this.#element, rect, 'px');
    for (const { boxes, elements } of this.#labels.values()) {
      boxes.forEach((box, index) => {
        const element = elements[index];
        if (!element) return;
        setRect(element, boxInPercent(box, frame), '%');
        if (element.firstElementChild) element.firstElementChild.textContent = box.text;
      });
    }
  }
}

/**
 * @param {HTMLElement} element
 * @param {{ left: number, top: number, width: number, height: number }} rect
 * @param {'px' | '%'} unit
 */
function setRect(element, rect, unit) {
  for (const side of /** @type {const} */ (['left', 'top', 'width', 'height'])) {
    element.style[side] = `${rect[side]}${unit}`;
  }
}
