import { describe, expect, it } from 'vitest';
import { LayerChoice } from './layer-choice.ts';
import { seededRandom } from './seeded-network.ts';

/** Bytes of a packet of each layer, every 20 ms; undefined for one that sends nothing. */
type Rates = Readonly<Record<string, number | undefined>>;

function choice() {
  const subject = new LayerChoice<string>();
  let nowMs = 0;
  const changes: string[] = [];
  return {
    subject,
    changes,
    /** Lets time pass. A layer begins a key frame when it is the target, or at once while nothing is current. */
    run(ms: number, rates: Rates, keyFrames = true) {
      for (const endMs = nowMs + ms; nowMs < endMs; nowMs += 20) {
        for (const [layer, bytes] of Object.entries(rates)) {
          if (bytes === undefined) continue;
          subject.received(layer, bytes, nowMs);
          const begins = keyFrames && (subject.current === undefined || subject.target === layer);
          if (begins && subject.startsDecoding(layer)) changes.push(`${layer}@${nowMs}`);
        }
        subject.review(nowMs);
      }
      return subject.current;
    },
  };
}

describe('the layer that is forwarded', () => {
  it.each<[string, Rates]>([
    ['counted from the highest, as OBS does', { 0: 1000, 1: 400, 2: 100 }],
    ['named from the lowest, as Chrome does', { q: 100, h: 400, f: 1000 }],
  ])('is the one with the highest bitrate, %s', (_name, rates) => {
    const best = Object.entries(rates).find(([, bytes]) => bytes === 1000)?.[0];
    expect(choice().run(5000, rates)).toBe(best);
  });

  it('is the first with a key frame, until a better one was there for two seconds', () => {
    const { run, changes, subject } = choice();
    run(1000, { q: 100 });
    expect(subject.current).toBe('q');
    run(5000, { q: 100, f: 1000 });
    expect(changes).toHaveLength(2);
    const [, second = ''] = changes;
    const atMs = Number(second.split('@')[1]);
    expect(second.startsWith('f')).toBe(true);
    expect(atMs).toBeGreaterThanOrEqual(3000);
    expect(atMs).toBeLessThan(3500);
  });

  it('gives way when it has been silent for a second, and comes back when it has returned for some', () => {
    const { run, subject } = choice();
    run(5000, { q: 100, h: 400, f: 1000 });
    expect(run(900, { q: 100, h: 400 })).toBe('f');
    expect(run(300, { q: 100, h: 400 })).toBe('h');
    expect(run(1500, { q: 100, h: 400, f: 1000 })).toBe('h');
    expect(run(1500, { q: 100, h: 400, f: 1000 })).toBe('f');
    expect(subject.target).toBeUndefined();
  });

  it('changes only on the key frame of the target', () => {
    const { run, subject } = choice();
    run(2000, { q: 100 });
    run(5000, { q: 100, h: 400 }, false);
    expect([subject.current, subject.target]).toEqual(['q', 'h']);
    expect(subject.startsDecoding('q')).toBe(false);
    expect(subject.startsDecoding('f')).toBe(false);
    expect(subject.startsDecoding('h')).toBe(true);
    expect([subject.current, subject.target]).toEqual(['h', undefined]);
  });

  it('does not wait for a target that fell silent, or that is not better any more', () => {
    const { run, subject } = choice();
    run(2000, { q: 100 });
    run(4000, { q: 100, h: 400 }, false);
    run(1200, { q: 100 }, false);
    expect([subject.current, subject.target]).toEqual(['q', undefined]);
    run(4000, { q: 100, h: 400 }, false);
    expect(subject.target).toBe('h');
    run(6000, { q: 400, h: 410 }, false);
    expect(subject.target).toBeUndefined();
  });

  it('is kept while another is hardly better, or better only now and then', () => {
    const { run, changes } = choice();
    const random = seededRandom(3);
    run(200, { q: 100 });
    for (let round = 0; round < 500; round++) run(100, { q: 80 + random() * 40, h: 80 + random() * 60 });
    for (let round = 0; round < 20; round++) {
      run(1000, { q: 100, f: 1000 });
      run(1200, { q: 100 });
    }
    expect(changes).toHaveLength(1);
  });

  it('is still named while all are silent, and forgotten when it is gone', () => {
    const { run, subject } = choice();
    run(1000, { q: 100 });
    expect(run(5000, {})).toBe('q');
    expect(subject.target).toBeUndefined();
    subject.forget('q');
    expect(subject.current).toBeUndefined();
    expect(run(100, { h: 1 })).toBe('h');
  });

  it('is sought for from the first packet on', () => {
    const { run, subject } = choice();
    run(100, { q: 100 }, false);
    expect([subject.current, subject.target]).toEqual([undefined, 'q']);
  });
});
