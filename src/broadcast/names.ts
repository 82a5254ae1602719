// Names that come from outside: of broadcasts and of data labels. It must not know what is behind a name.

import { FanlightError } from '../errors.ts';
import { CONTROL_LABEL } from './ports.ts';

/** A string that went through `parseBroadcastName`. */
export type BroadcastName = string & { readonly brand: 'BroadcastName' };

/** A string that went through `isLabel`. */
export type Label = string & { readonly brand: 'Label' };

/** Not `.` and `..`, which a browser takes out of an address before it asks. */
const BROADCAST_NAME = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,64}$/;
const LABEL = /^\P{Cc}{1,64}$/u;

/** Errors: invalid_name. */
export function parseBroadcastName(value: string): BroadcastName {
  if (!BROADCAST_NAME.test(value)) throw new FanlightError('invalid_name');
  return value as BroadcastName;
}

/** 1 to 64 characters without control characters. A lone surrogate would not survive UTF-8, so it is refused too. */
export function isLabel(value: string): value is Label {
  return LABEL.test(value) && value.isWellFormed();
}

/** A label that a message may be sent on. Errors: invalid_label, also for the reserved one. */
export function parseLabel(value: string): Label {
  if (!isLabel(value)) throw new FanlightError('invalid_label');
  if (value === CONTROL_LABEL) throw new FanlightError('invalid_label', `"${CONTROL_LABEL}" is reserved.`);
  return value;
}
