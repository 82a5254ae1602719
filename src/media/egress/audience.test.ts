import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { sourcePacket } from '../../test/media-fixtures.ts';
import { keyFrame, VP8 } from '../../test/rtp-fixtures.ts';
import { SendLoad } from '../fanout/gatherer.ts';
import { PortableEngine } from '../fanout/portable-engine.ts';
import { Audience } from './audience.ts';
import { CatchUpTurns } from './catch-up-turns.ts';
import type { ViewerPeer } from './viewer-peer.ts';

let audience: Audience;
let wanted: string[];

beforeEach(() => {
  vi.useFakeTimers();
  wanted = [];
  audience = new Audience({
    engine: new PortableEngine({ sender: { queuedBytes: 0, send: () => {} }, cname: 'cname' }),
    load: new SendLoad(() => 0),
    now: () => 0,
    startMemory: { maxBytes: 1_000_000, maxMs: 10_000 },
    catchUpTurns: new CatchUpTurns(() => 0, 1),
    wishKeyFrame: () => {},
    sendTimed: () => {},
    onTimedDropped: () => {},
    onWanted: (broadcast, isWanted) => wanted.push(`${broadcast} ${isWanted}`),
  });
});
afterEach(() => {
  audience.close();
  vi.useRealTimers();
});

function visit(broadcast: string): void {
  // Of a viewer it asks for nothing but this.
  audience.add('v', broadcast, () => ({ broadcast }) as ViewerPeer);
}

const play = (broadcast: string) =>
  audience.relay(broadcast)?.receive('p', sourcePacket(keyFrame({ sequence: 1 }), VP8, 0));

describe('the relay of a broadcast', () => {
  it('goes with its last viewer when nobody sent anything', () => {
    visit('b');
    audience.remove('v');
    expect(audience.relay('b')).toBeUndefined();
    expect(wanted).toEqual(['b true', 'b false']);
  });

  it('stays a while for who comes back, with what it remembers', () => {
    visit('b');
    play('b');
    const before = audience.relay('b');
    audience.remove('v');
    vi.advanceTimersByTime(10_000);
    visit('b');
    expect(audience.relay('b')).toBe(before);
    vi.advanceTimersByTime(60_000);
    expect(audience.relay('b')).toBe(before);
    audience.remove('v');
    vi.advanceTimersByTime(15_000);
    expect(audience.relay('b')).toBeUndefined();
    expect(wanted).toEqual(['b true', 'b false']);
  });

  it('goes at once when its publisher is gone for good and nobody views it', () => {
    visit('b');
    play('b');
    audience.remove('v');
    audience.endSource('b');
    expect(audience.relay('b')).toBeUndefined();
    expect(vi.getTimerCount()).toBe(0);
    audience.endSource('unknown');
  });

  it('remembers nothing of a publisher that is gone for good, and stays for its viewers', () => {
    visit('b');
    play('b');
    audience.endSource('b');
    expect(audience.relay('b')?.remembers).toBe(false);
  });

  it('is one of few that stay: the one that nobody needed longest goes', () => {
    for (let number = 0; number < 65; number++) {
      visit(`b${number}`);
      play(`b${number}`);
      audience.remove('v');
    }
    expect(audience.relay('b0')).toBeUndefined();
    expect(audience.relay('b1')).toBeDefined();
  });
});
