// Shows how a connection is doing: a sentence, and its numbers for those who want them.

import { ConnectionQuality, qualityWords } from './connection-quality.js';
import { setText } from './dom.js';

const INTERVAL_MS = 2000;

/** @import { Quality } from './connection-quality.js' */

export class QualityPanel {
  #side;
  #words;
  #numbers;
  /** @type {RTCPeerConnection | undefined} */
  #connection;
  /** @type {ConnectionQuality | undefined} */
  #quality;

  /**
   * @param {'publisher' | 'viewer'} side
   * @param {{ words: HTMLElement, numbers: HTMLElement, connection: () => RTCPeerConnection | undefined }} setup
   */
  constructor(side, { words, numbers, connection }) {
    this.#side = side;
    this.#words = words;
    this.#numbers = numbers;
    setInterval(() => void this.#update(connection()), INTERVAL_MS);
  }

  /** @param {RTCPeerConnection | undefined} connection */
  async #update(connection) {
    if (connection !== this.#connection) {
      this.#connection = connection;
      this.#quality = connection && new ConnectionQuality(connection, this.#side);
    }
    if (connection?.connectionState !== 'connected') return;
    const quality = await this.#quality?.sample();
    if (quality) this.#show(quality);
  }

  /** @param {Quality} quality */
  #show(quality) {
    this.#words.dataset.verdict = quality.verdict;
    setText(this.#words, qualityWords(quality, this.#side));
    const rows = numberRows(quality);
    while (this.#numbers.children.length < rows.length) this.#numbers.append(newRow());
    rows.forEach(([name, value], index) => {
      const [term, description] = this.#numbers.children[index]?.children ?? [];
      if (term && description) {
        setText(term, name);
        setText(description, value);
      }
    });
  }
}

function newRow() {
  const row = document.createElement('div');
  row.append(document.createElement('dt'), document.createElement('dd'));
  return row;
}

/**
 * @param {Quality} quality
 * @returns {[string, string][]}
 */
function numberRows({ bitrateKbps, rttMs, lossPercent, width, height, fps, codec, limitedBy }) {
  return [
    ['Rate', bitrateKbps >= 1000 ? `${(bitrateKbps / 1000).toFixed(1)} Mb/s` : `${bitrateKbps} kb/s`],
    ['Round trip', rttMs === null ? '–' : `${rttMs} ms`],
    ['Lost packets', `${lossPercent} %`],
    ['Picture', width > 0 ? `${width} × ${height}` : '–'],
    ['Frames', `${fps} a second`],
    ['Codecs', codec || '–'],
    ['Held back by', limitedBy === 'cpu' ? 'this device' : limitedBy === 'bandwidth' ? 'the network' : 'nothing'],
  ];
}
