// Names the sources of the native engine, so that a module that was compiled from others is noticed.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';

/** SHA-256 over all C files beside this one but tests, hex. */
export function sourceHash() {
  const folder = new URL('./', import.meta.url);
  const hash = createHash('sha256');
  for (const name of readdirSync(folder).sort()) {
    if (/(?<!\.test)\.[ch]$/.test(name)) hash.update(readFileSync(new URL(name, folder)));
  }
  return hash.digest('hex');
}
