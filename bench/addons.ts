// Compiles the benchmark's C files, each to a Node-API addon in a folder that goes away. It must not know what they do.

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const COMPILERS = ['cc', 'gcc', 'clang'];

export class Addons {
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  static async open(): Promise<Addons> {
    return new Addons(await mkdtemp(join(tmpdir(), 'fanlight-addons-')));
  }

  /** @returns where the addon is @throws what is missing, or what the compiler said */
  async compile(name: 'limit' | 'count-filter'): Promise<string> {
    const include = headersDirectory();
    if (!include) throw new Error('no headers of Node-API');
    const output = join(this.#directory, `${name}.node`);
    const source = join(import.meta.dirname, `${name}.c`);
    for (const compiler of COMPILERS) {
      try {
        await run(compiler, ['-std=gnu11', '-O2', '-fPIC', '-shared', `-I${include}`, '-o', output, source]);
        return output;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
    }
    throw new Error('no C compiler');
  }

  async close(): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
  }
}

/** Of the package that has nothing else, or those that came with Node. */
function headersDirectory(): string | undefined {
  const besideNode = join(dirname(process.execPath), '..', 'include', 'node');
  return [packageHeaders(), besideNode, '/usr/include/node', '/usr/local/include/node'].find(
    (directory) => directory !== undefined && existsSync(join(directory, 'node_api.h')),
  );
}

function packageHeaders(): string | undefined {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('node-api-headers/package.json')), 'include');
  } catch {
    return undefined;
  }
}
