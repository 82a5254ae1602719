// Sound and picture stay together through a hand-over: what viewers can conclude from timestamps and sender reports, by
// seeded simulation of two publishers with their own clocks, delays and losses of packets.

import { describe, expect, it } from 'vitest';
import { UpTrack } from '../media/egress/up-track.ts';
import { CLOCK_RATE, type MediaKind } from '../rtp/codec.ts';
import { seededRandom } from '../rtp/seeded-network.ts';
import { timestampDistance } from '../rtp/sequence.ts';
import { sourcePacket } from './media-fixtures.ts';
import { deltaFrame, keyFrame, OPUS, opusPacket, VP8 } from './rtp-fixtures.ts';

interface Source {
  readonly id: string;
  /** Own RTP clocks: what each shows at our time 0. */
  readonly base: Readonly<Record<MediaKind, number>>;
  /** From capture to arrival: encoding takes longer than sound's, networks are of a kind. */
  readonly delayMs: Readonly<Record<MediaKind, number>>;
}

const INTERVAL_MS: Readonly<Record<MediaKind, number>> = { audio: 20, video: 33 };

class Stage {
  readonly tracks = { audio: new UpTrack('audio'), video: new UpTrack('video') };
  /** Canonical timestamp → when it was captured, for what viewers were given. */
  readonly given: Record<MediaKind, { timestamp: number; capturedAtMs: number; arrivedAtMs: number }[]> = {
    audio: [],
    video: [],
  };
  #sequence = 0;

  /** What a source captures from `fromMs` until `toMs` arrives; its first reports after `reportAfterMs`. */
  play(source: Source, fromMs: number, toMs: number, reportAfterMs: number): void {
    const arrivals = (['audio', 'video'] as const).flatMap((kind) => {
      const captures: { kind: MediaKind; capturedAtMs: number; arrivedAtMs: number; isKey: boolean }[] = [];
      for (let atMs = fromMs; atMs < toMs; atMs += INTERVAL_MS[kind]) {
        captures.push({ kind, capturedAtMs: atMs, arrivedAtMs: atMs + source.delayMs[kind], isKey: atMs === fromMs });
      }
      return captures;
    });
    arrivals.sort((one, other) => one.arrivedAtMs - other.arrivedAtMs);
    let reported = false;
    for (const { kind, capturedAtMs, arrivedAtMs, isKey } of arrivals) {
      if (!reported && arrivedAtMs >= fromMs + reportAfterMs) {
        reported = true;
        this.#report(source, arrivedAtMs);
      }
      this.#receive(source, kind, capturedAtMs, arrivedAtMs, isKey);
    }
  }

  #rtpOf({ base }: Source, kind: MediaKind, atMs: number): number {
    return (base[kind] + Math.round((atMs * CLOCK_RATE[kind]) / 1000)) >>> 0;
  }

  #receive(source: Source, kind: MediaKind, capturedAtMs: number, arrivedAtMs: number, isKey: boolean): void {
    const fields = {
      sequence: this.#sequence++ & 0x7fff,
      timestamp: this.#rtpOf(source, kind, capturedAtMs),
      ssrc: kind === 'audio' ? 1 : 2,
    };
    const item =
      kind === 'audio'
        ? sourcePacket(opusPacket(fields), OPUS, arrivedAtMs)
        : sourcePacket(isKey ? keyFrame(fields) : deltaFrame(fields), VP8, arrivedAtMs);
    const packet = this.tracks[kind].receive(source.id, item);
    if (packet) this.given[kind].push({ timestamp: packet.timestamp, capturedAtMs, arrivedAtMs });
  }

  #report(source: Source, nowMs: number): void {
    for (const kind of ['audio', 'video'] as const) {
      this.tracks[kind].senderReport(source.id, {
        type: 'sender-report',
        kind,
        ssrc: kind === 'audio' ? 1 : 2,
        rtpTimestamp: this.#rtpOf(source, kind, nowMs),
        capturedAtMs: nowMs,
      });
    }
  }

  /** How much later than it was captured viewers must believe that the newest packet of a kind was, in ms, by our report of now. */
  error(kind: MediaKind, nowMs: number): number {
    const newest = this.given[kind].at(-1);
    const standsForNow = this.tracks[kind].timestampAt(nowMs);
    if (!newest || standsForNow === undefined) throw new Error('nothing was given');
    const believedMs = nowMs - (timestampDistance(newest.timestamp, standsForNow) * 1000) / CLOCK_RATE[kind];
    return believedMs - newest.capturedAtMs;
  }

  skew(nowMs: number): number {
    return this.error('audio', nowMs) - this.error('video', nowMs);
  }
}

function anySource(id: string, random: () => number): Source {
  const base = { audio: Math.floor(random() * 2 ** 32), video: Math.floor(random() * 2 ** 32) };
  const network = random() * 100;
  return { id, base, delayMs: { audio: network + random() * 10, video: network + 10 + random() * 40 } };
}

describe('sound and picture through a hand-over', () => {
  it('are as far apart as the two ways differ until the new source reports, and then not at all', () => {
    for (let seed = 1; seed <= 100; seed++) {
      const random = seededRandom(seed);
      const [before, after] = [anySource('before', random), anySource('after', random)];
      const stage = new Stage();
      stage.play(before, 0, 5000, 500);
      expect(Math.abs(stage.skew(5000))).toBeLessThan(1);

      const awayMs = 200 + random() * 20_000;
      const beganMs = 5000 + awayMs;
      stage.play(after, beganMs, beganMs + 400, 10_000);
      const difference = (kind: MediaKind) => after.delayMs[kind] - before.delayMs[kind];
      const expected = difference('audio') - difference('video');
      expect(Math.abs(stage.skew(beganMs + 500) - expected)).toBeLessThan(1);

      stage.play({ ...after }, beganMs + 429, beganMs + 3000, 300);
      expect(Math.abs(stage.skew(beganMs + 3000))).toBeLessThan(1);
    }
  });

  it('never make time go back, and let it pass as it passes on the wall', () => {
    for (let seed = 1; seed <= 100; seed++) {
      const random = seededRandom(seed);
      const stage = new Stage();
      let atMs = 0;
      for (let turn = 0; turn < 5; turn++) {
        const source = anySource(`source ${turn}`, random);
        stage.play(source, atMs, atMs + 1000 + random() * 2000, 300);
        atMs += 4000 + random() * 10_000;
      }
      for (const kind of ['audio', 'video'] as const) {
        const given = stage.given[kind];
        for (const [at, packet] of given.entries()) {
          const next = given[at + 1];
          if (next) expect(timestampDistance(packet.timestamp, next.timestamp)).toBeGreaterThan(0);
        }
        const [first, last] = [given[0], given.at(-1)];
        const passedMs = (last?.arrivedAtMs ?? 0) - (first?.arrivedAtMs ?? 0);
        const shownMs = (((last?.timestamp ?? 0) - (first?.timestamp ?? 0)) >>> 0) / (CLOCK_RATE[kind] / 1000);
        expect(Math.abs(shownMs - passedMs)).toBeLessThan(5);
      }
    }
  });
});
