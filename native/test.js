// Builds native/fanout.test.c with AddressSanitizer and UndefinedBehaviorSanitizer and runs it: `node native/test.js [seconds of fuzzing [seed]]`.

import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('.', import.meta.url));
const program = `${folder}build/fanout-test`;

/** @param {string} command @param {string[]} given */
function run(command, given) {
  const { status, error } = spawnSync(command, given, { cwd: folder, stdio: 'inherit' });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

mkdirSync(`${folder}build`, { recursive: true });
run(process.env.CC ?? 'cc', [
  ...['-std=c11', '-g', '-O1', '-fno-omit-frame-pointer'],
  ...['-Wall', '-Wextra', '-Wconversion', '-Wshadow', '-Wstrict-prototypes', '-Werror'],
  ...['-fsanitize=address,undefined', '-fno-sanitize-recover=all'],
  ...['fanout.test.c', 'fanout.c', 'packets.c', 'srtp.c', '-o', program],
]);
run(program, process.argv.slice(2));
