// Compiles the native fan-out engine to native/build/fanout.node. Run by npm after an install, where nothing of it may fail:
// without a compiler, or away from Linux, Fanlight runs on its portable engine. `--strict` is for CI: any trouble is an error.

import { spawnSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { sourceHash } from './source-hash.js';

const folder = fileURLToPath(new URL('.', import.meta.url));
const headers = fileURLToPath(new URL('include', import.meta.resolve('node-api-headers')));
const SOURCES = ['addon.c', 'fanout.c', 'members.c', 'outbox.c', 'packets.c', 'srtp.c'];
const WARNINGS = ['-Wall', '-Wextra', '-Wconversion', '-Wshadow', '-Wstrict-prototypes'];
const STRICT = process.argv.includes('--strict');

/** @param {string} why */
function leave(why) {
  process.stdout.write(`Fanlight: ${why} The portable fan-out engine will be used.\n`);
  process.exit(STRICT ? 1 : 0);
}

/** The first C compiler that answers. */
function findCompiler() {
  const candidates = [process.env.CC, 'cc', 'gcc', 'clang'];
  return candidates.find((name) => name && spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0);
}

if (process.platform !== 'linux') leave('the native fan-out engine is for Linux only.');
const compiler = findCompiler();
if (!compiler) leave('there is no C compiler here.');

const target = `${folder}build/fanout.node`;
const unfinished = `${target}.${process.pid}`;
const flags = [
  '-std=c11',
  '-O2',
  '-g1',
  '-fPIC',
  '-shared',
  '-fvisibility=hidden',
  '-fstack-protector-strong',
  // All symbols of OpenSSL at the load: one that this Node lacks is a reason for the portable engine, not the end.
  '-Wl,-z,now',
  ...WARNINGS,
  ...(STRICT ? ['-Werror'] : []),
  `-DFANOUT_SOURCES="${sourceHash()}"`,
  `-I${headers}`,
];
mkdirSync(`${folder}build`, { recursive: true });
const made = spawnSync(String(compiler), [...flags, ...SOURCES, '-o', unfinished], { cwd: folder, encoding: 'utf8' });
if (made.status === 0) {
  // Whoever has the old one open keeps it.
  renameSync(unfinished, target);
} else {
  rmSync(unfinished, { force: true });
  if (STRICT) process.stderr.write(`${made.stderr}\n`);
  leave('the native fan-out engine could not be compiled (`node native/build.js --strict` says why).');
}
