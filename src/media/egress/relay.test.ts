import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Codec, MediaKind } from '../../rtp/codec.ts';
import type { GroupLimits } from '../../rtp/group-of-pictures.ts';
import { FakeGroup, type FakeMember, MEMBER_KEYS } from '../../test/fake-fanout.ts';
import { acceptedMedia, sourcePacket } from '../../test/media-fixtures.ts';
import { AV1, deltaFrame, keyFrame, OPUS, opusPacket, VP8 } from '../../test/rtp-fixtures.ts';
import { SendLoad } from '../fanout/gatherer.ts';
import { CatchUpTurns } from './catch-up-turns.ts';
import { DownTrack } from './down-track.ts';
import { Relay } from './relay.ts';
import type { RelayViewer } from './relay-viewer.ts';
import type { CanonicalPacket } from './up-track.ts';

const offered = (codec: Codec, payloadType: number) => ({ ...codec, payloadType, fmtp: undefined, feedback: [] });
const VIDEO = acceptedMedia({ codecs: [offered(VP8, 96)], localSsrc: 7 });
const AUDIO = acceptedMedia({ kind: 'audio', mid: '1', codecs: [offered(OPUS, 111)], localSsrc: 8 });

let nowMs: number;
let wishes: number;
let group: FakeGroup;
let relay: Relay;

beforeEach(() => {
  vi.useFakeTimers();
  nowMs = 100_000;
  wishes = 0;
  group = new FakeGroup();
  relay = newRelay({ maxBytes: 0, maxMs: 0 });
});
afterEach(() => vi.useRealTimers());

function newRelay(startMemory: GroupLimits): Relay {
  const now = () => nowMs;
  return new Relay({
    broadcast: 'b',
    group,
    load: new SendLoad(now),
    now,
    startMemory,
    catchUpTurns: new CatchUpTurns(now, 1),
    wishKeyFrame: () => wishes++,
    timed: { send: () => {}, onDropped: () => {} },
  });
}

/** A viewer of down tracks alone: what it is sent, as the fan-out engine would. */
class TestViewer implements RelayViewer {
  readonly member: FakeMember = group.addMember(MEMBER_KEYS);
  readonly #tracks: readonly DownTrack[];
  lossShare = 0;
  /** How many packets had left each time that it was told of its first ones. */
  readonly startedAfter: number[] = [];

  constructor(media = [VIDEO, AUDIO]) {
    this.#tracks = media.map((each) => new DownTrack(each, this.member));
  }

  /** Codec and index of what it was sent. */
  get sent(): readonly CanonicalPacket[] {
    return this.member.sent.map(({ packet }) => packet as CanonicalPacket);
  }

  get sentVideo(): boolean[] {
    return this.sent.filter(({ kind }) => kind === 'video').map(({ startsDecoding }) => startsDecoding);
  }

  get latecomer(): DownTrack | undefined {
    return this.#track('video');
  }

  adopt(kind: MediaKind, codec: Codec, newestIndex: number): boolean {
    return this.#track(kind)?.adopt(codec, newestIndex) ?? false;
  }

  start(kind: MediaKind, packet: CanonicalPacket, sentBefore: readonly CanonicalPacket[]): void {
    this.#track(kind)?.start(packet, sentBefore);
  }

  onStarted(): void {
    this.startedAfter.push(this.member.sent.length);
  }

  #track(kind: MediaKind): DownTrack | undefined {
    return this.#tracks.find((track) => track.kind === kind);
  }
}

function join(media?: ConstructorParameters<typeof TestViewer>[0]): TestViewer {
  const viewer = new TestViewer(media);
  relay.addViewer(viewer);
  return viewer;
}

/** What came in one turn of the event loop; then the turn ends. */
function turn(...packets: SourcePacket[]): void {
  hold(...packets);
  vi.advanceTimersByTime(0);
}

function hold(...packets: SourcePacket[]): void {
  for (const packet of packets) relay.receive('p', packet);
}

type SourcePacket = ReturnType<typeof sourcePacket>;
const key = (sequence: number) => sourcePacket(keyFrame({ sequence }), VP8, nowMs);
const delta = (sequence: number) => sourcePacket(deltaFrame({ sequence }), VP8, nowMs);
const sound = (sequence: number) => sourcePacket(opusPacket({ sequence, ssrc: 2 }), OPUS, nowMs);
const av1 = (sequence: number, startsDecoding: boolean) => ({ ...delta(sequence), codec: AV1, startsDecoding });

describe('Relay', () => {
  it('gives every viewer the same packets, and none to one that left', () => {
    const [staying, leaving] = [join(), join()];
    turn(key(1), sound(1));
    relay.removeViewer(leaving);
    leaving.member.remove();
    turn(delta(2));
    expect([staying.sent.length, leaving.sent.length]).toEqual([3, 2]);
    expect(leaving.sent[0]).toBe(staying.sent[0]);
  });

  it('gives the engine what one turn of the event loop brought at once', () => {
    join();
    turn(key(1), delta(2), delta(3));
    turn(delta(4));
    expect(group.batches.map((batch) => batch.length)).toEqual([3, 1]);
  });

  it('passes a source on that has no viewer yet, so that the next ones can ask for what they miss', () => {
    turn(key(1), delta(2));
    expect(relay.upTrack('video')?.newestIndex).toBeDefined();
  });

  it('forgets what it holds and its group when it is closed', () => {
    const viewer = join();
    hold(key(1));
    relay.close();
    vi.runAllTimers();
    expect(viewer.sent).toEqual([]);
    expect(group.isRemoved).toBe(true);
  });
});

describe('a viewer of a relay', () => {
  it('begins with a key frame, and with any packet of sound', () => {
    const viewer = join();
    turn(key(1), delta(2));
    const later = join();
    turn(delta(3), sound(1));
    expect(later.sent.map(({ kind }) => kind)).toEqual(['audio']);
    turn(delta(4), key(5), delta(6));
    expect(later.sentVideo).toEqual([true, false]);
    expect(viewer.sentVideo).toEqual([true, false, false, false, true, false]);
  });

  it('is not sent what was held when its key frame came', () => {
    join();
    turn(key(1));
    const later = join();
    hold(delta(2), delta(3));
    hold(key(4));
    // Those before it are for those who began before.
    expect(group.batches.map((batch) => batch.length)).toEqual([1, 2]);
    vi.advanceTimersByTime(0);
    expect(later.sentVideo).toEqual([true]);
  });

  it('gets what has overtaken its key frame, too', () => {
    join();
    turn(key(1));
    const later = join();
    turn(delta(3), delta(4));
    expect(later.sent).toEqual([]);
    turn(key(2), delta(5));
    const newest = relay.upTrack('video')?.newestIndex ?? 0;
    expect(later.sent.map(({ index }) => newest - index)).toEqual([3, 0]);
    // For this viewer it is the first time: as it was, not as a retransmission.
    expect(later.member.repeated.map(({ packet, by }) => [newest - packet.index, by])).toEqual([
      [2, undefined],
      [1, undefined],
    ]);
  });

  it('is not sent what comes late from before its key frame', () => {
    turn(key(1));
    const viewer = join();
    turn(key(4));
    turn(delta(3), delta(5));
    expect(viewer.sentVideo).toEqual([true, false]);
  });

  it('hears once for each medium that its first packets have left, after they have', () => {
    const viewer = join();
    hold(key(1));
    expect(viewer.startedAfter).toEqual([]);
    vi.advanceTimersByTime(0);
    expect(viewer.startedAfter).toEqual([1]);
    turn(delta(2));
    turn(sound(1));
    turn(sound(2), delta(3));
    expect(viewer.startedAfter).toEqual([1, 3]);
  });

  it('that left before its first packets did hears nothing', () => {
    const viewer = join();
    hold(key(1));
    relay.removeViewer(viewer);
    vi.advanceTimersByTime(0);
    expect(viewer.startedAfter).toEqual([]);
  });

  it('that receives no video is sent none, and wishes for none', () => {
    turn(key(1));
    const viewer = join([AUDIO]);
    turn(delta(2), sound(1));
    expect(viewer.sent.map(({ kind }) => kind)).toEqual(['audio']);
    expect(wishes).toBe(0);
  });
});

describe('a change of codec', () => {
  it('that a viewer cannot decode sends it nothing, and wishes for none of its key frames', () => {
    const viewer = join();
    turn(key(1));
    const both = { ...VIDEO, codecs: [offered(VP8, 96), offered(AV1, 97)] };
    turn(av1(2, true));
    turn(av1(3, false));
    nowMs += 1000;
    wishes = 0;
    const [blind, seeing] = [join(), join([both])];
    turn(av1(4, false));
    // Only for the one who waits for it.
    expect(wishes).toBe(1);
    relay.removeViewer(seeing);
    nowMs += 1000;
    turn(av1(5, false));
    expect(wishes).toBe(1);
    expect(viewer.sent).toHaveLength(1);
    expect(blind.sent).toEqual([]);
  });

  it('that a viewer cannot decode ends its waiting for a key frame of the one before', () => {
    turn(key(1));
    join();
    turn(delta(2), av1(3, false));
    const before = wishes;
    nowMs += 1000;
    turn(av1(4, false));
    expect(wishes).toBe(before);
  });

  it('is followed at a key frame by those who can, with what was held before it under the codec before', () => {
    const viewer = join([{ ...VIDEO, codecs: [offered(VP8, 96), offered(AV1, 97)] }]);
    turn(key(1));
    hold(delta(2), av1(3, true));
    vi.advanceTimersByTime(0);
    expect(viewer.member.sent.map(({ payloadType }) => payloadType)).toEqual([96, 96, 97]);
    const numbers = viewer.member.sent.map(({ index }) => index);
    expect(new Set(numbers).size).toBe(3);
  });

  it('and back starts again at a key frame, under numbers that were not used', () => {
    const viewer = join();
    turn(key(1), delta(2));
    turn(av1(3, true), av1(4, false));
    turn(delta(5));
    expect(viewer.sentVideo).toEqual([true, false]);
    turn(key(6), delta(7));
    expect(viewer.sentVideo).toEqual([true, false, true, false]);
    const numbers = viewer.member.sent.map(({ index }) => index);
    expect(numbers.toSorted((one, other) => one - other)).toEqual(numbers);
    expect(new Set(numbers).size).toBe(4);
  });

  it('leaves late packets of the codec before out', () => {
    const viewer = join([{ ...VIDEO, codecs: [offered(VP8, 96), offered(AV1, 97)] }]);
    turn(key(1));
    turn(av1(4, true));
    turn(delta(3), av1(5, false));
    expect(viewer.member.sent.map(({ payloadType }) => payloadType)).toEqual([96, 97, 97]);
  });

  it('is none when packets carry copies of the same codec, as those from another worker do', () => {
    const viewer = join();
    turn({ ...key(1), codec: { ...VP8 } }, { ...delta(2), codec: { ...VP8 } });
    expect(viewer.sentVideo).toEqual([true, false]);
  });
});

describe('the wish of a relay for a key frame', () => {
  it('for a new source comes as soon as somebody can receive it, and not before', () => {
    turn(delta(1));
    expect(wishes).toBe(0);
    join();
    turn(delta(2));
    expect(wishes).toBe(1);
    turn(key(3));
    turn(delta(4));
    expect(wishes).toBe(1);
  });

  it('for a new source does not wait because of a wish to the one before', () => {
    join();
    turn(key(1));
    wishes = 0;
    join();
    turn(delta(2));
    expect(wishes).toBe(1);
    nowMs += 20;
    relay.receive('other', sourcePacket(deltaFrame({ sequence: 9, ssrc: 5 }), VP8, nowMs));
    expect(wishes).toBe(2);
    relay.receive('other', sourcePacket(deltaFrame({ sequence: 10, ssrc: 5 }), VP8, nowMs));
    expect(wishes).toBe(2);
  });

  it('for a source does not wait because of one that came before there was any', () => {
    join();
    expect(wishes).toBe(1);
    nowMs += 20;
    turn(delta(1));
    expect(wishes).toBe(2);
  });

  it('is repeated twice a second while a viewer waits, however many packets come', () => {
    turn(key(1));
    join();
    for (let sequence = 2; sequence < 102; sequence++) {
      turn(delta(sequence));
      nowMs += 20;
    }
    expect(wishes).toBe(4);
    turn(key(102));
    nowMs += 1000;
    turn(delta(103));
    expect(wishes).toBe(4);
  });

  it('is not made any more for one that left', () => {
    turn(key(1));
    relay.removeViewer(join());
    wishes = 0;
    nowMs += 1000;
    turn(delta(2));
    expect(wishes).toBe(0);
  });
});

describe('a viewer that joins while something is remembered', () => {
  beforeEach(() => {
    relay.close();
    relay = newRelay({ maxBytes: 10_000_000, maxMs: 15_000 });
  });
  afterEach(() => relay.close());

  const videoOf = (viewer: TestViewer) => viewer.sent.filter(({ kind }) => kind === 'video');
  const passMs = (ms: number): void => {
    for (let passed = 0; passed < ms; passed += 5) {
      nowMs += 5;
      vi.advanceTimersByTime(5);
    }
  };
  /** So large that a publisher that answers is asked first. */
  const large = (sequence: number) => ({ ...delta(sequence), payload: new Uint8Array(1200) });
  function playLargeGroup(): void {
    turn(key(1));
    for (let sequence = 2; sequence < 402; sequence++) turn(large(sequence));
  }

  it('begins at once with a small group, asks nobody, and goes on with the others', () => {
    const before = join();
    turn(key(1), delta(2), delta(3));
    wishes = 0;
    const viewer = join();
    expect(videoOf(viewer)).toHaveLength(3);
    expect(viewer.startedAfter).toEqual([3]);
    turn(delta(4));
    expect(videoOf(viewer)).toHaveLength(4);
    expect(videoOf(before)).toHaveLength(4);
    expect(wishes).toBe(0);
  });

  it('is not sent twice what was held back for the others', () => {
    join();
    turn(key(1));
    hold(delta(2));
    const viewer = join();
    vi.advanceTimersByTime(0);
    expect(videoOf(viewer)).toHaveLength(2);
  });

  it('of a publisher that answers waits a moment for a key frame when the group is large', () => {
    playLargeGroup();
    const viewer = join();
    expect(wishes).toBe(1);
    expect(videoOf(viewer)).toEqual([]);
    nowMs += 60;
    vi.advanceTimersByTime(60);
    turn(key(402));
    expect(viewer.sentVideo).toEqual([true]);
    vi.advanceTimersByTime(1000);
    expect(viewer.sentVideo).toEqual([true]);
  });

  it('gets the large group when no key frame comes in that moment', () => {
    playLargeGroup();
    const viewer = join();
    nowMs += 120;
    vi.advanceTimersByTime(120);
    expect(viewer.sentVideo[0]).toBe(true);
    for (let ms = 0; ms < 2000; ms += 5) {
      nowMs += 5;
      vi.advanceTimersByTime(5);
    }
    expect(videoOf(viewer)).toHaveLength(401);
    turn(delta(402));
    expect(videoOf(viewer)).toHaveLength(402);
  });

  it('gets the large group at once from a publisher that did not answer the one before', () => {
    playLargeGroup();
    join();
    nowMs += 1500;
    const viewer = join();
    expect(viewer.sentVideo[0]).toBe(true);
  });

  it('begins with what there is when a packet is missing, and goes on when it is repaired', () => {
    turn(key(1), delta(2), delta(4));
    const viewer = join();
    // Perhaps it never is.
    expect(wishes).toBe(1);
    expect(videoOf(viewer)).toHaveLength(2);
    passMs(30);
    turn(delta(3));
    passMs(10);
    turn(delta(5));
    expect(videoOf(viewer)).toHaveLength(5);
    expect(viewer.startedAfter).toEqual([2]);
  });

  it('goes on at the next key frame when the missing packet never comes', () => {
    turn(key(1), delta(3));
    const viewer = join();
    passMs(1100);
    turn(delta(4), key(5), delta(6));
    expect(viewer.sentVideo).toEqual([true, true, false]);
  });

  it('in the middle of a frame sees one time for all of it', () => {
    const part = (sequence: number, marker: boolean) => ({ ...delta(sequence), timestamp: 3000, marker });
    for (const how of ['joins', 'lost the picture']) {
      relay.close();
      relay = newRelay({ maxBytes: 10_000_000, maxMs: 15_000 });
      turn({ ...key(1), timestamp: 0 });
      const viewer = join();
      relay.remember('p', { items: [], isDeaf: true });
      turn(part(2, false));
      const seen = videoOf(viewer).length;
      if (how === 'joins') nowMs += 5_000;
      else relay.pictureLost(viewer);
      const late = how === 'joins' ? join() : viewer;
      passMs(10);
      turn(part(3, true));
      passMs(10);
      const [one, other] = videoOf(late).slice(-2);
      expect([how, one?.timestamp]).toEqual([how, other?.timestamp]);
      expect(seen).toBe(2);
    }
  });

  it('while the publisher’s network stands still sees no time go back', () => {
    const frame = (sequence: number) => ({ ...(sequence === 1 ? key : delta)(sequence), timestamp: sequence * 3000 });
    for (let sequence = 1; sequence < 12; sequence++) {
      turn(frame(sequence));
      passMs(35);
    }
    passMs(600);
    const viewer = join();
    for (let sequence = 12; sequence < 30; sequence++) turn(frame(sequence));
    const times = videoOf(viewer).map(({ timestamp }) => timestamp);
    expect(times.length).toBe(29);
    expect(times.slice(1).every((time, at) => ((time - (times[at] ?? 0)) | 0) > 0)).toBe(true);
  });

  it('and asks for the picture all the time costs a little more than one who does not', () => {
    relay.remember('p', { items: [], isDeaf: true });
    turn(key(1));
    const viewer = join();
    let sequence = 2;
    const before = viewer.sent.length;
    const began = sequence;
    for (let second = 0; second < 20; second++) {
      // Deaf: its key frames come when they come.
      if (second % 2 === 0) turn(...Array.from({ length: 250 }, (_none, at) => (at === 0 ? key : large)(sequence++)));
      for (let step = 0; step < 30; step++) {
        turn(large(sequence++), large(sequence++), large(sequence++));
        relay.pictureLost(viewer);
        passMs(35);
      }
    }
    expect((viewer.sent.length - before) / (sequence - began)).toBeLessThan(2.5);
    const numbers = viewer.member.sent.map(({ index }) => index);
    expect(new Set(numbers).size).toBe(numbers.length);
  });

  it('never gets one number twice, whatever the publisher’s key frames are like', () => {
    for (let round = 0; round < 20; round++) {
      relay.close();
      relay = newRelay({ maxBytes: 10_000_000, maxMs: 15_000 });
      let sequence = 1;
      const frame = (isKey: boolean, packets: number): void =>
        turn(...Array.from({ length: packets }, (_none, at) => (isKey && at === 0 ? key : large)(sequence++)));
      // So large that it leaves the pace in debt: the next two key frames begin without a packet.
      frame(true, 300);
      relay.remember('p', { items: [], isDeaf: true });
      frame(false, 100);
      const viewer = join();
      for (let more = 0; more < 2; more++) {
        frame(true, 2);
        passMs(5);
      }
      passMs(300);
      for (let more = 0; more < 500; more++) frame(false, 3);
      const numbers = viewer.member.sent.map(({ index }) => index);
      expect(new Set(numbers).size).toBe(numbers.length);
      expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0);
    }
  });

  it('is not sent two codecs under one payload type when a publisher changes it without a key frame', () => {
    turn(key(1), delta(2), av1(3, false));
    const viewer = join([{ ...VIDEO, codecs: [offered(VP8, 96), offered(AV1, 97)] }]);
    passMs(300);
    expect(viewer.member.sent.filter(({ payloadType }) => payloadType === 97)).toEqual([]);
  });

  it('sees the last picture of a publisher that is away, and its return', () => {
    turn(key(1), delta(2));
    nowMs += 20_000;
    const viewer = join();
    expect(videoOf(viewer)).toHaveLength(2);
    nowMs += 5_000;
    relay.receive('p2', sourcePacket(keyFrame({ sequence: 900, ssrc: 4 }), VP8, nowMs));
    vi.advanceTimersByTime(0);
    const [, last, next] = videoOf(viewer).map(({ timestamp }) => timestamp);
    // The five seconds for which it saw the picture stand still, not the twenty before.
    expect(((next ?? 0) - (last ?? 0)) >>> 0).toBeGreaterThanOrEqual(5 * 90_000);
    expect(((next ?? 0) - (last ?? 0)) >>> 0).toBeLessThan(5.1 * 90_000);
  });

  it('sees nothing of a publisher that is gone for good, and waits for the key frame of the next', () => {
    turn(key(1), delta(2));
    relay.end();
    nowMs += 3_600_000;
    const viewer = join();
    passMs(2000);
    expect(videoOf(viewer)).toEqual([]);
    expect(wishes).toBe(1);
    relay.receive('q', { ...key(500), ssrc: 9 });
    vi.advanceTimersByTime(0);
    expect(viewer.sentVideo).toEqual([true]);
  });

  it('after the publisher’s camera was switched off sees nothing from before, and its return', () => {
    turn(key(1), delta(2));
    relay.receive('p', { type: 'pause', kind: 'video' });
    nowMs += 60_000;
    const viewer = join();
    passMs(2000);
    expect(videoOf(viewer)).toEqual([]);
    turn(delta(3));
    turn(key(4), delta(5));
    expect(viewer.sentVideo).toEqual([true, false]);
  });

  it('while the camera was off does not make the publisher one that answers nothing', () => {
    turn(key(1));
    relay.receive('p', { type: 'pause', kind: 'video' });
    relay.removeViewer(join());
    nowMs += 60_000;
    playLargeGroup();
    const viewer = join();
    expect(videoOf(viewer)).toEqual([]);
    passMs(60);
    turn(key(402));
    expect(viewer.sentVideo).toEqual([true]);
  });

  it('and waits for a key frame gets none of a publisher that is gone for good meanwhile', () => {
    playLargeGroup();
    const viewer = join();
    relay.end();
    passMs(2000);
    expect(videoOf(viewer)).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is sent no more of a group whose publisher is gone for good', () => {
    playLargeGroup();
    relay.remember('p', { items: [], isDeaf: true });
    const viewer = join();
    const { length } = videoOf(viewer);
    relay.end();
    passMs(2000);
    expect(videoOf(viewer)).toHaveLength(length);
    relay.receive('q', { ...key(500), ssrc: 9 });
    vi.advanceTimersByTime(0);
    expect(videoOf(viewer)).toHaveLength(length + 1);
    const numbers = viewer.member.sent.map(({ index }) => index);
    expect(new Set(numbers).size).toBe(numbers.length);
  });

  it('sees nothing of a publisher that is gone for good that came late from another worker', () => {
    turn(key(1), delta(2));
    relay.end();
    turn(key(3), delta(4));
    relay.remember('p', { items: [key(3), delta(4)], isDeaf: false });
    expect(videoOf(join())).toEqual([]);
  });

  it('sees the next publisher also when its first packets came before the end of the one before was heard', () => {
    turn(key(1), delta(2));
    const viewer = join();
    const { length } = videoOf(viewer);
    relay.receive('q', { ...key(500), ssrc: 9 });
    relay.end();
    relay.begin('q');
    relay.receive('q', { ...key(501), ssrc: 9 });
    vi.advanceTimersByTime(0);
    expect(videoOf(viewer)).toHaveLength(length + 2);
    relay.begin('q');
    relay.end();
    relay.begin('r');
    relay.receive('q', { ...key(502), ssrc: 9 });
    vi.advanceTimersByTime(0);
    expect(videoOf(viewer)).toHaveLength(length + 2);
  });

  it('is sent nothing more once it left, nor later ones what a closed relay knew', () => {
    playLargeGroup();
    const viewer = join();
    nowMs += 120;
    vi.advanceTimersByTime(120);
    const { length } = viewer.sent;
    relay.removeViewer(viewer);
    vi.advanceTimersByTime(1000);
    expect(viewer.sent).toHaveLength(length);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('gets a large group at once when it is told that the publisher does not answer', () => {
    const items = [key(1), ...Array.from({ length: 400 }, (_none, at) => large(at + 2))];
    relay.remember('p', { items, isDeaf: true });
    expect(join().sentVideo[0]).toBe(true);
  });

  it('sees another source from its key frame on, also when that came before the relay knew of it', () => {
    const viewer = join();
    turn(key(1), delta(2));
    const seen = viewer.sentVideo.length;
    const other = (packet: SourcePacket) => ({ ...packet, ssrc: 99 });
    relay.remember('q', { items: [other(key(500)), other(delta(501))], isDeaf: false });
    relay.receive('q', other(delta(502)));
    vi.advanceTimersByTime(0);
    expect(viewer.sentVideo.slice(seen)).toEqual([true, false, false]);
    // The same told again is no news.
    relay.remember('q', { items: [other(key(500)), other(delta(501))], isDeaf: false });
    vi.advanceTimersByTime(0);
    expect(viewer.sentVideo.slice(seen)).toHaveLength(3);
  });

  it('begins with what the source sent before the relay was there, which nobody else gets', () => {
    const waiting = join();
    relay.remember('p', { items: [key(1), delta(2), sound(1)], isDeaf: false });
    expect(waiting.sentVideo).toEqual([true, false]);
    expect(group.batches).toEqual([]);
    const later = join();
    turn(delta(3));
    expect(later.sentVideo).toEqual([true, false, false]);
    expect(waiting.sentVideo).toEqual([true, false, false]);
  });

  it('and loses the picture of a publisher that does not answer is sent it again, not more often than it lasts', () => {
    playLargeGroup();
    relay.remember('p', { items: [], isDeaf: true });
    const viewer = join();
    passMs(500);
    relay.pictureLost(viewer);
    passMs(500);
    // What it began with is on its way, or did not help.
    expect(videoOf(viewer)).toHaveLength(401);
    passMs(2000);
    turn(delta(402));
    const seen = videoOf(viewer).length;
    relay.pictureLost(viewer);
    passMs(2000);
    expect(videoOf(viewer)).toHaveLength(seen + 402);
    expect(viewer.sentVideo[seen]).toBe(true);
    // Each under a number that was not used, and none in the past.
    const numbers = viewer.member.sent.map(({ index }) => index);
    expect(new Set(numbers).size).toBe(numbers.length);
    turn(delta(403));
    expect(videoOf(viewer)).toHaveLength(seen + 403);
    relay.pictureLost(viewer);
    expect(videoOf(viewer)).toHaveLength(seen + 403);
    passMs(4000);
    viewer.lossShare = 0.4;
    relay.pictureLost(viewer);
    expect(videoOf(viewer)).toHaveLength(seen + 403);
    viewer.lossShare = 0;
    relay.pictureLost(viewer);
    expect(videoOf(viewer).length).toBeGreaterThan(seen + 403);
  });

  it('and loses the picture of a publisher that answers waits for its key frame', () => {
    turn(key(1), delta(2));
    const viewer = join();
    const seen = videoOf(viewer).length;
    wishes = 0;
    relay.pictureLost(viewer);
    expect(wishes).toBe(1);
    turn(delta(3), key(4));
    expect(videoOf(viewer)).toHaveLength(seen + 2);
  });
});
