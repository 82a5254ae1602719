// Reads the repository's own files, for tests about code and documents. It must not know what is checked.

import { existsSync, globSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

export function exists(path: string): boolean {
  return existsSync(join(ROOT, path));
}

/** Paths from the root, with `/`, sorted. Nothing of node_modules. */
export function find(pattern: string): string[] {
  return globSync(pattern, { cwd: ROOT, exclude: (name) => name === 'node_modules' || name === '.git' })
    .map((path) => path.split(sep).join('/'))
    .sort();
}
