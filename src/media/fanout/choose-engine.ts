// Which fan-out engine a worker runs: the native one where it was compiled and works, else the portable one, and why.
// It must not know what engines do with packets.

import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { sourceHash } from '../../../native/source-hash.js';
import type { UdpFront } from '../transport/udp-front.ts';
import type { FanoutChoice, FanoutEngine } from './engine.ts';
import { NativeEngine, type NativeModule } from './native-engine.ts';
import { PortableEngine } from './portable-engine.ts';

export interface ChosenEngine {
  readonly engine: FanoutEngine;
  /** For the log: what was chosen, and why. */
  readonly reason: string;
}

const NATIVE_MODULE = new URL('../../../native/build/fanout.node', import.meta.url);

/** @throws Error when `native` is wanted and cannot be had */
export function chooseEngine(choice: FanoutChoice, front: UdpFront, cname: string): ChosenEngine {
  const portable = (reason: string): ChosenEngine => ({
    engine: new PortableEngine({ sender: front, cname }),
    reason: `portable: ${reason}`,
  });
  if (choice === 'portable') return portable('FANLIGHT_FANOUT says so');
  try {
    const module = loadNativeModule();
    const fd = front.fileDescriptor;
    if (fd === undefined) throw new Error('the UDP socket has no file descriptor');
    const engine = new NativeEngine({ module, fd, isIpv6: front.hasIpv6, cname });
    return { engine, reason: `native: UDP segments ${engine.segments ? 'on' : 'off, the kernel refuses them'}` };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    if (choice === 'native') throw new Error(`FANLIGHT_FANOUT is native, but ${why}.`);
    return portable(why);
  }
}

/** @throws Error with a reason for people when it was not compiled, or from other sources */
export function loadNativeModule(path: string | URL = NATIVE_MODULE): NativeModule {
  const module = requireModule(path);
  if (module.sources !== sourceHash()) {
    throw new Error('native/build/fanout.node was compiled from other sources (npm run build:native makes it anew)');
  }
  return module;
}

function requireModule(path: string | URL): NativeModule {
  try {
    return createRequire(import.meta.url)(path instanceof URL ? fileURLToPath(path) : path) as NativeModule;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') {
      throw new Error('native/build/fanout.node was not compiled at the install', { cause: error });
    }
    throw error;
  }
}
