// The part of the publish page that sends data messages: text, overlays, and overlays that are made frame by frame.

import { byId, setText } from './dom.js';

const OVERLAY_LABEL = 'overlay';
const MAX_BYTES = 65_536;

/** @import { OverlayGenerator } from './overlay-generator.js' */

/** @type {Record<string, string>} */
const REFUSALS = {
  message_too_large: 'it is larger than 64 KiB.',
  data_rate_exceeded: 'too many messages in a short time.',
  invalid_label: 'a label has 1 to 64 characters.',
  malformed_timed_message: 'on “timed” only JSON with rtpTimestamp passes.',
  state_memory_full: 'the server’s memory for state messages is full.',
};

export class DataBox {
  #send;
  #generator;
  #state = byId('data-state', HTMLElement);
  /** The test overlays are on, but nothing can be sent yet. */
  #isWaiting = false;

  /**
   * @param {(label: string, text: string) => boolean} send false: not connected
   * @param {OverlayGenerator} generator
   */
  constructor(send, generator) {
    this.#send = send;
    this.#generator = generator;
    const text = byId('message-text', HTMLInputElement);
    const label = byId('message-label', HTMLInputElement);
    onSubmit('message-form', () => {
      if (this.#sendOne(label.value.trim(), text.value)) text.value = '';
    });
    onSubmit('overlay-form', () => this.#sendOne(OVERLAY_LABEL, JSON.stringify(overlayFromForm())));
    byId('test-overlays', HTMLInputElement).addEventListener('change', ({ target }) => {
      this.#runTest(target instanceof HTMLInputElement && target.checked);
    });
  }

  /** @param {{ label: string, code: string }} refusal by the server */
  refused({ label, code }) {
    setText(this.#state, `The server did not relay your message on “${label}”: ${REFUSALS[code] ?? code}`);
  }

  /**
   * @param {string} label
   * @param {string} text
   */
  #sendOne(label, text) {
    if (new TextEncoder().encode(text).length > MAX_BYTES) {
      setText(this.#state, 'Not sent: a message is at most 64 KiB.');
      return false;
    }
    const isSent = this.#send(label, text);
    setText(this.#state, isSent ? `Sent on “${label}”.` : 'Not sent: you are not live.');
    return isSent;
  }

  /** @param {boolean} isOn */
  #runTest(isOn) {
    if (isOn) this.#generator.start((isSent) => this.#tellWaiting(!isSent));
    else {
      this.#tellWaiting(false);
      this.#generator.stop();
    }
  }

  /** @param {boolean} isWaiting */
  #tellWaiting(isWaiting) {
    if (isWaiting === this.#isWaiting) return;
    this.#isWaiting = isWaiting;
    setText(this.#state, isWaiting ? 'Starts when you are live with a picture.' : '');
  }
}

function overlayFromForm() {
  const fraction = (/** @type {string} */ id) => round(byId(id, HTMLInputElement).valueAsNumber / 100);
  return {
    text: byId('overlay-text', HTMLInputElement).value,
    x: fraction('overlay-x'),
    y: fraction('overlay-y'),
    width: fraction('overlay-width'),
    height: fraction('overlay-height'),
  };
}

/**
 * @param {string} id
 * @param {() => void} send
 */
function onSubmit(id, send) {
  byId(id, HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault();
    send();
  });
}

/** @param {number} value */
function round(value) {
  return Math.round(value * 1000) / 1000;
}
