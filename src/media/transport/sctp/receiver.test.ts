import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../rtp/seeded-network.ts';
import { leastMs } from '../../../test/least-time.ts';
import { readAcknowledgement } from './acknowledgement.ts';
import { FIRST_FRAGMENT, LAST_FRAGMENT } from './packet.ts';
import { RECEIVE_WINDOW_BYTES, Receiver } from './receiver.ts';

const FIRST = 0xffff_ff00;
const WHOLE = FIRST_FRAGMENT | LAST_FRAGMENT;

/** A receiver, and what it handed out. */
class Receiving {
  readonly texts: string[] = [];
  readonly receiver = new Receiver(FIRST, (_streamId, _ppid, payload) => this.texts.push(payload.toString()));

  receive(index: number, flags: number, text = `${index}`, streamSequence = 0, streamId = 1) {
    const payload = Buffer.from(text);
    return this.receiver.receive({ tsn: (FIRST + index) >>> 0, flags, streamId, streamSequence, ppid: 53, payload });
  }

  /** One fragment of a message of so many. */
  fragment(index: number, count: number) {
    return this.receive(index, (index === 0 ? FIRST_FRAGMENT : 0) | (index === count - 1 ? LAST_FRAGMENT : 0));
  }

  get windowBytes(): number | undefined {
    return readAcknowledgement(this.receiver.acknowledgement())?.windowBytes;
  }
}

describe('fragments', () => {
  it.each([1, 2, 3, 4])('become one message in any order, and leave nothing behind (seed %i)', (seed) => {
    const random = seededRandom(seed);
    const receiving = new Receiving();
    const order = Array.from({ length: 200 }, (_, index) => ({ index, key: random() })).sort((a, b) => a.key - b.key);
    for (const { index } of order) receiving.fragment(index, 200);
    expect(receiving.texts).toEqual([Array.from({ length: 200 }, (_, index) => `${index}`).join('')]);
    expect(receiving.windowBytes).toBe(RECEIVE_WINDOW_BYTES);
  });

  it('of different messages, streams or orders are never put together', () => {
    const receiving = new Receiving();
    receiving.receive(0, FIRST_FRAGMENT);
    receiving.receive(1, LAST_FRAGMENT, '1', 0, 2);
    receiving.receive(2, FIRST_FRAGMENT);
    receiving.receive(3, FIRST_FRAGMENT);
    receiving.receive(4, LAST_FRAGMENT | 4);
    expect(receiving.texts).toEqual([]);
    expect(receiving.windowBytes).toBeLessThan(RECEIVE_WINDOW_BYTES);
  });

  it('cost the same each, also from the last to the first', () => {
    const tookMs = leastMs(() => {
      const receiving = new Receiving();
      return () => {
        for (let index = 1000; index > 0; index--) receiving.fragment(index, 1001);
        expect(receiving.fragment(0, 1001)).toBe('new');
        expect(receiving.texts).toHaveLength(1);
      };
    });
    // A walk over all of them for each takes more than 25.
    expect(tookMs).toBeLessThan(12);
  });

  it('of one message are bounded', () => {
    const receiving = new Receiving();
    const outcomes = Array.from({ length: 1025 }, (_, index) => receiving.fragment(index, 5000));
    expect(outcomes.indexOf('excess')).toBe(1024);
  });

  it('of a message that was given up are forgotten', () => {
    const receiving = new Receiving();
    for (const index of [0, 1, 3]) receiving.fragment(index, 5);
    receiving.receiver.skipTo((FIRST + 4) >>> 0, [[1, 0]]);
    expect(receiving.windowBytes).toBe(RECEIVE_WINDOW_BYTES);
    receiving.receive(5, WHOLE, 'next', 1);
    expect(receiving.texts).toEqual(['next']);
  });
});

describe('messages that wait', () => {
  it('are handed out in order when those before them are given up, however often that is said', () => {
    const pairs = Array.from({ length: 340 }, (_, index): readonly [number, number] => [
      1,
      index < 339 ? index : 20_339,
    ]);
    let receiving = new Receiving();
    const tookMs = leastMs(() => {
      receiving = new Receiving();
      for (let index = 2000; index > 0; index--) receiving.receive(index, WHOLE, `${index}`, 1_000 + 10 * index);
      return () => receiving.receiver.skipTo(FIRST, pairs);
    });
    expect(receiving.texts).toEqual(Array.from({ length: 1934 }, (_, index) => `${index + 1}`));
    // A walk over what waits for each of the pairs takes 30.
    expect(tookMs).toBeLessThan(15);
  });

  it('are not taken above what may be kept, and none is lost when the first comes', () => {
    const receiving = new Receiving();
    const text = 'x'.repeat(1000);
    const outcomes = Array.from({ length: 500 }, (_, index) => receiving.receive(index + 1, WHOLE, text, index + 1));
    expect(outcomes.indexOf('refused')).toBe(328);
    expect(receiving.receive(0, WHOLE)).toBe('new');
    expect(receiving.texts).toHaveLength(329);
    expect(receiving.receive(329, WHOLE, 'again', 329)).toBe('new');
    expect(receiving.texts.at(-1)).toBe('again');
  });
});
