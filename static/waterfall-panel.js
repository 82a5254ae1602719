// Draws the waterfall of a join: a table, whose bars are for the eye alone. It must not know how it was measured.

import { setText } from './dom.js';
import { waterfall, waterfallWords } from './join-waterfall.js';

/** @import { JoinWatch } from './join-watch.js' */
/** @import { WaterfallRow } from './join-waterfall.js' */

export class WaterfallPanel {
  #watch;
  #words;
  #table;
  #rows;

  /**
   * @param {JoinWatch} watch
   * @param {{ words: HTMLElement, table: HTMLTableElement }} elements `table` has one body
   */
  constructor(watch, { words, table }) {
    this.#watch = watch;
    this.#words = words;
    this.#table = table;
    this.#rows = /** @type {HTMLTableSectionElement} */ (table.tBodies[0]);
    watch.on('changed', () => this.#render());
    this.#render();
  }

  #render() {
    const { marks, spoiledBy } = this.#watch;
    const rows = waterfall(marks);
    setText(this.#words, waterfallWords(marks, spoiledBy));
    this.#table.hidden = rows.length === 0;
    this.#rows.replaceChildren(...rows.map(tableRow));
  }
}

/** @param {WaterfallRow} row */
function tableRow({ words, note, ms, offsetShare, widthShare, isBeside }) {
  const name = document.createElement('th');
  name.scope = 'row';
  name.append(words);
  if (note) name.append(element('span', 'waterfall-note', note));
  const bar = element('span', isBeside ? 'waterfall-bar beside' : 'waterfall-bar', '');
  bar.style.left = `${offsetShare * 100}%`;
  bar.style.width = `${widthShare * 100}%`;
  const track = document.createElement('td');
  track.ariaHidden = 'true';
  track.className = 'waterfall-track';
  track.append(bar);
  const row = document.createElement('tr');
  row.append(name, track, element('td', 'waterfall-ms', `${Math.round(ms)} ms`));
  return row;
}

/**
 * @param {string} tag
 * @param {string} className
 * @param {string} text
 */
function element(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}
