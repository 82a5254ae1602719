import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UdpFront } from '../transport/udp-front.ts';
import { chooseEngine, loadNativeModule } from './choose-engine.ts';
import type { FanoutEngine } from './engine.ts';

let front: UdpFront;
const engines: FanoutEngine[] = [];

beforeEach(async () => {
  front = await UdpFront.bind(0);
});
afterEach(async () => {
  for (const engine of engines.splice(0)) engine.close();
  await front.close();
});

describe('the choice of a fan-out engine', () => {
  it('is the portable one where the settings say so', () => {
    const { engine, reason } = chooseEngine('portable', front, 'test');
    engines.push(engine);
    expect(engine.name).toBe('portable');
    expect(reason).toBe('portable: FANLIGHT_FANOUT says so');
  });

  it('is the native one where it can be had, and tells why in any case', () => {
    const { engine, reason } = chooseEngine('auto', front, 'test');
    engines.push(engine);
    expect(reason.startsWith(`${engine.name}: `)).toBe(true);
    // CI has a compiler.
    if (process.env.REQUIRE_NATIVE) expect(engine.name).toBe('native');
  });

  it('says that a module was never compiled, without a trace', () => {
    expect(() => loadNativeModule(new URL('nowhere/fanout.node', import.meta.url))).toThrow(
      'native/build/fanout.node was not compiled at the install',
    );
  });
});
