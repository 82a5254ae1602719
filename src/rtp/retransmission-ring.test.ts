import { describe, expect, it } from 'vitest';
import { RetransmissionRing } from './retransmission-ring.ts';
import { seededRandom } from './seeded-network.ts';
import { addSequence } from './sequence.ts';

const STARTS = [0, 1, 127, 32767, 32768, 65534, 65535];

describe('a retransmission ring', () => {
  it.each(STARTS)('gives back what it was given, in any order, from %i', (start) => {
    const ring = new RetransmissionRing<string>();
    for (const step of [0, 1, 4, 3, -1, 6]) ring.add(addSequence(start, step), `packet ${step}`, 0);
    for (const step of [-1, 0, 1, 3, 4, 6]) expect(ring.get(addSequence(start, step), 0)).toBe(`packet ${step}`);
    for (const step of [-2, 2, 5, 7, 2048, -2048]) expect(ring.get(addSequence(start, step), 0)).toBeUndefined();
  });

  it.each(STARTS)('keeps the newest up to its capacity, from %i', (start) => {
    const ring = new RetransmissionRing<number>({ capacity: 8 });
    for (let step = 0; step < 30; step++) ring.add(addSequence(start, step), step, 0);
    const kept = Array.from({ length: 30 }, (_, step) => ring.get(addSequence(start, step), 0));
    expect(kept.filter((step) => step !== undefined)).toEqual([22, 23, 24, 25, 26, 27, 28, 29]);
    ring.add(addSequence(start, 21), 21, 0);
    expect(ring.get(addSequence(start, 29), 0)).toBe(29);
    expect(ring.get(addSequence(start, 21), 0)).toBeUndefined();
  });

  it('forgets what is older than its age', () => {
    const ring = new RetransmissionRing<string>({ maxAgeMs: 2000 });
    ring.add(5, 'packet', 1000);
    expect(ring.get(5, 3000)).toBe('packet');
    expect(ring.get(5, 3001)).toBeUndefined();
  });

  it('lets go of old packets when a new one comes, so that a slow source holds no memory', () => {
    const ring = new RetransmissionRing<object>({ maxAgeMs: 100 });
    const isHeld = (packet: object | undefined) => packet !== undefined;
    ring.add(1, {}, 0);
    ring.add(2, {}, 50);
    ring.add(4, {}, 101);
    // Asked with the time of old, only a kept packet can be there.
    expect([1, 2, 4].map((sequence) => isHeld(ring.get(sequence, 60)))).toEqual([false, true, true]);
    ring.add(5, {}, 500);
    expect([1, 2, 4, 5].map((sequence) => isHeld(ring.get(sequence, 60)))).toEqual([false, false, false, true]);
  });

  it('does not take a packet for another of the same slot or of another cycle', () => {
    const ring = new RetransmissionRing<string>({ capacity: 8 });
    ring.add(65535, 'last', 0);
    expect(ring.get(7, 0)).toBeUndefined();
    for (let step = 0; step < 65_535; step++) ring.add(step, `${step}`, 0);
    expect(ring.get(65535, 0)).toBeUndefined();
    expect(ring.get(65534, 0)).toBe('65534');
  });

  it('says the same as a plain list', () => {
    const random = seededRandom(8);
    const ring = new RetransmissionRing<number>({ capacity: 64, maxAgeMs: 50 });
    const added = new Map<number, number>();
    let newest = 65_500;
    for (let nowMs = 0; nowMs < 5000; nowMs++) {
      const number = newest + 1 - Math.floor(random() * 3) * Math.floor(random() * 40) + Math.floor(random() * 3);
      if (number > newest - 64 && !added.has(number)) {
        ring.add(number & 0xffff, number, nowMs);
        added.set(number, nowMs);
        newest = Math.max(newest, number);
      }
      const asked = newest - Math.floor(random() * 80);
      const addedAtMs = added.get(asked);
      const expected = addedAtMs !== undefined && nowMs - addedAtMs <= 50 && asked > newest - 64 ? asked : undefined;
      if (ring.get(asked & 0xffff, nowMs) !== expected) throw new Error(`wrong about ${asked} at ${nowMs} ms`);
    }
    expect(added.size).toBeGreaterThan(2000);
  });

  it.each([0, 3, 65_536])('cannot have a capacity of %i', (capacity) => {
    expect(() => new RetransmissionRing({ capacity })).toThrow('power of two');
  });
});
