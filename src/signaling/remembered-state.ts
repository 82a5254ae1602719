// Data messages as text: each is made once, however many clients read it. What the domain remembers keeps its identity until it changes.
// It must not know who reads, or how often.

import type { DataMessage } from '../broadcast/ports.ts';
import { dataJson, serverMessage } from './messages.ts';

const frames = new WeakMap<DataMessage, Buffer>();
const documents = new WeakMap<readonly DataMessage[], Buffer>();

/** The WebSocket's `data` message. */
export function dataFrame(message: DataMessage): Buffer {
  return once(frames, message, () => serverMessage.data(message));
}

/** `{ "messages": [ … ] }`, what HTTP answers. */
export function stateDocument(messages: readonly DataMessage[]): Buffer {
  return once(documents, messages, () => JSON.stringify({ messages: messages.map(dataJson) }));
}

function once<T extends object>(made: WeakMap<T, Buffer>, about: T, write: () => string): Buffer {
  const text = made.get(about) ?? Buffer.from(write());
  made.set(about, text);
  return text;
}
