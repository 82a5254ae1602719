import { describe, expect, it } from 'vitest';
import { readExtension } from '../../rtp/packet.ts';
import { seededRandom } from '../../rtp/seeded-network.ts';
import { FakeGroup, type FakeMember, MEMBER_KEYS, ReceivingViewer, VIEWER_ADDRESS } from '../../test/fake-fanout.ts';
import { acceptedMedia } from '../../test/media-fixtures.ts';
import { AV1, VP8 } from '../../test/rtp-fixtures.ts';
import { NOT_SENT } from '../fanout/engine.ts';
import { DownTrack } from './down-track.ts';
import type { CanonicalPacket } from './up-track.ts';

const media = acceptedMedia({
  codecs: [{ ...VP8, payloadType: 120, fmtp: undefined, feedback: [] }],
  localSsrc: 77,
});
const withRtx = { ...media, rtxPayloadTypes: new Map([[120, 121]]), localRtxSsrc: 78 };

function packet(index: number, startsDecoding: boolean, given: Partial<CanonicalPacket> = {}): CanonicalPacket {
  return {
    kind: 'video',
    codec: VP8,
    marker: true,
    index,
    timestamp: 3000,
    startsDecoding,
    payload: Buffer.from([1, 2, 3]),
    extensions: undefined,
    sendTime: NOT_SENT,
    padding: 0,
    ...given,
  };
}

/** A down track at a fan-out engine that only notes. */
function noted(accepted = media): {
  track: DownTrack;
  member: FakeMember;
  send: (...packets: CanonicalPacket[]) => void;
} {
  const group = new FakeGroup();
  const member = group.addMember(MEMBER_KEYS);
  return { track: new DownTrack(accepted, member), member, send: (...packets) => group.send(packets, 0) };
}

/** A down track at the portable engine, and what its viewer receives. */
function received(accepted = media) {
  const viewer = new ReceivingViewer();
  const group = viewer.engine.addGroup();
  const member = group.addMember(MEMBER_KEYS);
  member.moveTo(VIEWER_ADDRESS);
  const track = new DownTrack(accepted, member);
  const send = (...packets: CanonicalPacket[]) => group.send(packets, 1_000_000);
  return { track, viewer, send };
}

/** Adopts the codec and begins with the packet, as the relay does, and sends it. */
function begin(track: DownTrack, send: (packet: CanonicalPacket) => void, first: CanonicalPacket): void {
  track.adopt(first.codec, first.index - 1);
  track.start(first);
  send(first);
}

const numbers = (member: FakeMember) => member.sent.map(({ index }) => index);

describe('DownTrack', () => {
  it('writes the SSRC and payload type of its viewer and nothing of the publisher', () => {
    const { track, viewer, send } = received();
    begin(track, send, packet(5, true, { extensions: { orientation: 1, audioLevel: 2 } }));
    const [parsed] = viewer.rtp();
    expect(parsed).toMatchObject({ ssrc: 77, payloadType: 120, timestamp: 3000, marker: true });
    expect(parsed).toMatchObject({ extensionLength: 0, csrcCount: 0, payloadLength: 3 });
  });

  it('writes header extensions under the ids of its viewer, those that it negotiated', () => {
    const { track, viewer, send } = received({
      ...media,
      mid: 'v',
      extensions: new Map([
        ['mid', 3],
        ['orientation', 9],
        ['abs-send-time', 4],
      ]),
    });
    begin(track, send, packet(5, true, { extensions: { orientation: 1, audioLevel: 2 } }));
    const [parsed] = viewer.rtp();
    if (!parsed) throw new Error('nothing came');
    expect(Buffer.from(readExtension(parsed, 3) ?? []).toString()).toBe('v');
    expect(readExtension(parsed, 9)).toEqual(Buffer.from([1]));
    expect(readExtension(parsed, 4)).toHaveLength(3);
    expect([1, 2, 5, 6, 7, 8, 10].map((id) => readExtension(parsed, id))).toEqual(Array(7).fill(undefined));
  });

  it('sends nothing before it is told with which packet it begins', () => {
    const { track, member, send } = noted();
    expect(track.adopt(VP8, 0)).toBe(true);
    send(packet(1, false));
    expect(member.sent).toEqual([]);
    const second = packet(2, true);
    track.start(second);
    send(second, packet(3, false));
    expect(member.sent).toHaveLength(2);
  });

  it('begins with one packet only, however often it is told to', () => {
    const { track, member, send } = noted();
    begin(track, send, packet(1, true));
    track.start(packet(5, true));
    send(packet(2, false), packet(5, true));
    const [first = 0] = numbers(member);
    expect(numbers(member)).toEqual([first, first + 1, first + 4]);
  });

  it('sends nothing of a codec that the viewer cannot decode, and does not wait for it', () => {
    const { track, member, send } = noted();
    expect(track.adopt(AV1, 0)).toBe(false);
    track.start(packet(1, true, { codec: AV1 }));
    send(packet(1, true, { codec: AV1 }));
    expect(member.sent).toEqual([]);
  });

  it('stops when the codec changes, and goes on where it is told to', () => {
    const { track, member, send } = noted();
    begin(track, send, packet(1, true));
    expect(track.adopt(AV1, 1)).toBe(false);
    send(packet(2, true, { codec: AV1 }));
    expect(track.adopt(VP8, 2)).toBe(true);
    send(packet(3, false));
    expect(member.sent).toHaveLength(1);
    const fourth = packet(4, true);
    track.start(fourth);
    send(fourth);
    expect(member.sent).toHaveLength(2);
  });

  it('goes on under the payload type of the other codec where the viewer decodes both', () => {
    const both = [VP8, AV1].map((codec, at) => ({ ...codec, payloadType: 120 + at, fmtp: undefined, feedback: [] }));
    const { track, member, send } = noted({ ...media, codecs: both });
    begin(track, send, packet(1, true));
    begin(track, send, packet(2, true, { codec: AV1 }));
    const [first = 0] = numbers(member);
    expect(member.sent).toMatchObject([{ payloadType: 120 }, { payloadType: 121, index: first + 2 }]);
  });

  it.each([
    ['0', 0],
    ['the wrap', 65_535],
    ['the second round', 70_000],
    ['hours later', 2 ** 33 + 17],
  ])(
    'numbers its packets from below 2^15 where the broadcast is at %s, and knows them by those numbers',
    (_at, index) => {
      for (let round = 0; round < 20; round++) {
        const { track, member, send } = noted();
        begin(track, send, packet(index, true));
        send(packet(index + 1, false));
        const [first = -1, second] = numbers(member);
        expect(first).toBeGreaterThanOrEqual(0);
        expect(first).toBeLessThan(2 ** 15);
        expect(second).toBe(first + 1);
        expect(track.canonicalIndex(first, index + 1)).toBe(index);
        expect(track.canonicalIndex(first + 1, index + 1)).toBe(index + 1);
      }
    },
  );

  it('never uses a number twice, however far the broadcast went on without it', () => {
    for (const gap of [20_000, 40_000, 60_000, 200_000]) {
      const { track, member, send } = noted();
      let canonical = 1000;
      const sendMore = (count: number): void => {
        for (; count > 0; count--) send(packet(canonical++, false));
      };
      begin(track, send, packet(canonical++, true));
      sendMore(100);
      // The publisher sends what this viewer cannot decode, and comes back.
      track.adopt(AV1, canonical - 1);
      canonical += gap;
      begin(track, send, packet(canonical++, true));
      sendMore(100);
      const used = numbers(member);
      expect(used).toHaveLength(202);
      expect(used[101]).toBe((used[100] ?? 0) + 2);
      expect(new Set(used).size).toBe(202);
      expect(track.canonicalIndex((used[201] ?? 0) & 0xffff, canonical - 1)).toBe(canonical - 1);
    }
  });

  it('never uses a number twice after a codec of which it was told, but which never began', () => {
    const { track, member, send } = noted();
    begin(track, send, packet(10, true));
    track.adopt(AV1, 10);
    track.adopt(VP8, 500);
    track.adopt(VP8, 501);
    const next = packet(502, true);
    track.start(next);
    send(next);
    const [first = 0] = numbers(member);
    expect(numbers(member)).toEqual([first, first + 2]);
  });

  it('lets a packet that came late from before its first one go', () => {
    const { track, viewer, send } = received();
    begin(track, send, packet(100, true));
    send(packet(99, false), packet(101, false));
    const [first, second, ...more] = viewer.rtp();
    expect(second?.sequence).toBe((first?.sequence ?? 0) + 1);
    expect(more).toEqual([]);
  });
});

describe('repetition to a viewer', () => {
  it('is byte for byte without RTX, once in a while however often it is asked for', () => {
    const { track, viewer, send } = received();
    const sent = packet(1, true);
    begin(track, send, sent);
    const original = viewer.next();
    expect(original).toBeDefined();
    expect(track.repeat(sent, 1000, undefined)).toBe(true);
    expect(viewer.next()).toEqual(original);
    expect(track.repeat(sent, 1010, undefined)).toBe(false);
    expect(viewer.next()).toBeUndefined();
    expect(track.repeat(sent, 1050, undefined)).toBe(true);
    expect(viewer.next()).toEqual(original);
  });

  it.each([
    ['a round trip that is not known', undefined, 40],
    ['a long one', 150, 150],
    ['one shorter than the least', 1, 20],
  ])('comes at most once per round trip: %s', (_name, roundTripMs, againAfterMs) => {
    const { track, send } = noted();
    const sent = packet(1, true);
    begin(track, send, sent);
    expect(track.repeat(sent, 1000, roundTripMs)).toBe(true);
    expect(track.repeat(sent, 1000 + againAfterMs - 1, roundTripMs)).toBe(false);
    expect(track.repeat(sent, 1000 + againAfterMs, roundTripMs)).toBe(true);
  });

  it('goes by RTX where it was negotiated: an SSRC, payload type and numbers of its own, rising from below 2^15', () => {
    const { track, viewer, send } = received(withRtx);
    const [first, second] = [packet(1, true), packet(2, false, { payload: Buffer.from([7, 8]) })];
    begin(track, send, first);
    send(second);
    const originals = viewer.rtp();
    track.repeat(second, 1000, undefined);
    track.repeat(first, 1000, undefined);
    const repeated = viewer.rtp();
    expect(repeated).toMatchObject([
      { ssrc: 78, payloadType: 121, timestamp: 3000 },
      { ssrc: 78, payloadType: 121 },
    ]);
    const [one, two] = repeated;
    expect(one?.sequence).toBeLessThan(2 ** 15);
    expect(two?.sequence).toBe((one?.sequence ?? 0) + 1);
    // RFC 4588 §4: the original number, then the original payload.
    const payloads = repeated.map(({ bytes, payloadOffset }) => Buffer.from(bytes.subarray(payloadOffset)));
    expect(payloads.map((payload) => payload.readUInt16BE(0))).toEqual([
      originals[1]?.sequence,
      originals[0]?.sequence,
    ]);
    expect(payloads.map((payload) => [...payload.subarray(2)])).toEqual([
      [7, 8],
      [1, 2, 3],
    ]);
  });

  it.each([
    ['the codec that is sent has no retransmission', { rtxPayloadTypes: new Map([[99, 121]]) }],
    ['there is no SSRC for it', { localRtxSsrc: undefined }],
  ])('is as it was where %s', (_name, given) => {
    const { track, member, send } = noted({ ...withRtx, ...given });
    const sent = packet(1, true);
    begin(track, send, sent);
    track.repeat(sent, 1000, undefined);
    expect(member.repeated).toEqual([{ packet: sent, by: undefined }]);
  });

  it.each([
    ['while it waits for its first key frame', (track: DownTrack) => track.adopt(VP8, 9)],
    ['when it never began to send', () => {}],
    ['of a codec that the viewer cannot decode', (track: DownTrack) => track.adopt(AV1, 9)],
    [
      'of the codec before',
      (track: DownTrack, send: (packet: CanonicalPacket) => void) => {
        begin(track, send, packet(9, true));
        track.adopt(VP8, 10);
      },
    ],
  ])('is not made %s', (_name, prepare) => {
    const { track, member, send } = noted(withRtx);
    prepare(track, send);
    const asked = packet(10, false);
    send(asked);
    expect(track.repeat(asked, 10, undefined)).toBe(false);
    expect(member.repeated).toEqual([]);
  });

  it('is not made of a packet that never left', () => {
    const { track, member, send } = noted();
    begin(track, send, packet(1, true));
    expect(track.repeat(packet(2, false), 10, undefined)).toBe(false);
    expect(member.repeated).toEqual([]);
  });

  it.each([
    ['as it was', media],
    ['by RTX', withRtx],
  ])('is not made of what others were sent before the first packet here, %s', (_how, accepted) => {
    const { track, viewer, send } = received(accepted);
    const before = packet(99, false);
    send(before);
    const first = packet(100, true);
    begin(track, send, first);
    expect(viewer.rtp()).toHaveLength(1);
    expect(track.repeat(before, 1000, undefined)).toBe(false);
    expect(viewer.datagrams).toEqual([]);
    expect(track.repeat(first, 1000, undefined)).toBe(true);
    expect(viewer.datagrams).toHaveLength(1);
  });

  it.each([
    ['as it was', media],
    ['by RTX', withRtx],
  ])('is no more than a share of what is sent, however much is asked for, %s', (_how, accepted) => {
    const { track, viewer, send } = received(accepted);
    const big = Array.from({ length: 2000 }, (_, index) => packet(index, true, { payload: Buffer.alloc(1000) }));
    const [first] = big;
    if (first) begin(track, send, first);
    for (const each of big.slice(1)) send(each);
    expect(viewer.datagrams.splice(0)).toHaveLength(2000);
    let repeated = 0;
    for (let round = 0; round < 10; round++) {
      track.refill(round);
      for (const each of big) if (track.repeat(each, round, undefined)) repeated += each.payload.length;
    }
    expect(viewer.datagrams.splice(0)).toHaveLength(repeated / 1000);
    expect(repeated).toBeGreaterThan(200_000);
    expect(repeated).toBeLessThan(300_000);
    expect(track.isSpent).toBe(true);
    // A second later there is room again.
    const last = big[1999];
    track.refill(1_100);
    expect(last && track.repeat(last, 1_100, undefined)).toBe(true);
  });
});

describe('the number by which a viewer asks', () => {
  it('stands for nothing before the start', () => {
    const { track } = noted();
    expect(track.canonicalIndex(5, 100)).toBeUndefined();
    track.adopt(VP8, 100);
    expect(track.canonicalIndex(5, 100)).toBeUndefined();
  });
});

describe('a viewer that is behind', () => {
  const key = packet(10, true, { timestamp: 3000 });
  const [second, third] = [packet(11, false, { timestamp: 6000 }), packet(12, false, { timestamp: 9000 })];

  it('is sent what is for it alone, under times of its own, and then what everybody gets', () => {
    const { track, member, send } = noted();
    track.adopt(VP8, 12);
    track.startBehind(key);
    send(second);
    track.sendAlone([key], 8998, 0);
    track.sendAlone([second], 8999, 5);
    track.sendAlone([third], 9000, 10);
    track.goLive(13, 10);
    send(third, packet(13, false));
    const [first = 0, ...rest] = numbers(member);
    expect(rest).toEqual([first + 1, first + 2, first + 3]);
    expect(member.sent.map((sent) => sent.packet.timestamp)).toEqual([8998, 8999, 9000, 3000]);
    // The others share the packets themselves.
    expect(key.timestamp).toBe(3000);
  });

  it('is repeated what it was sent alone as it was sent', () => {
    const { track, member } = noted();
    track.adopt(VP8, 12);
    track.startBehind(key);
    track.sendAlone([key], 8998, 0);
    track.sendAlone([second], 8999, 0);
    expect(track.repeat(key, 50, undefined)).toBe(true);
    expect(member.repeated[0]?.packet).toMatchObject({ index: 10, timestamp: 8998, padding: 0 });
    // Not sent yet.
    expect(track.repeat({ ...third, sendTime: 5 }, 50, undefined)).toBe(false);
    track.goLive(12, 60);
    expect(track.repeat({ ...third, sendTime: 5 }, 100, undefined)).toBe(true);
    track.tick(2000);
    expect(track.repeat(second, 2000, undefined)).toBe(true);
    track.tick(4000);
    expect(track.repeat(second, 4000, undefined)).toBe(false);
  });

  it('is told no moment of capture under a time of its own, nor when it is repeated, which is byte for byte', () => {
    const { track, viewer } = received({ ...media, extensions: new Map([['capture-time', 5] as const]) });
    const captured = packet(10, true, { extensions: { orientation: 1, captureTime: new Uint8Array(8).fill(7) } });
    track.adopt(VP8, 12);
    track.startBehind(captured);
    track.sendAlone([captured], 8998, 0);
    track.goLive(11, 0);
    track.repeat(captured, 50, undefined);
    const [first, again] = viewer.datagrams.map(({ bytes }) => bytes);
    expect(again).toEqual(first);
    const [seen] = viewer.rtp();
    expect(seen?.timestamp).toBe(8998);
    expect(seen && readExtension(seen, 5)).toBeUndefined();
    expect(captured.extensions?.captureTime).toBeDefined();
  });

  it('is not repeated the rest of a frame, which left at another time, under the same number', () => {
    const { track } = noted();
    track.adopt(VP8, 12);
    track.startBehind(key);
    track.sendAlone([key], 8998, 0);
    track.sendAlone([{ ...second, timestamp: 3000 }], 8998, 20);
    expect(track.repeat({ ...second, timestamp: 3000 }, 50, undefined)).toBe(false);
    expect(track.repeat(key, 50, undefined)).toBe(true);
  });

  it('goes on at a newer key frame with one number left out', () => {
    const { track, member } = noted();
    track.adopt(VP8, 50);
    track.startBehind(key);
    track.sendAlone([key, second], 1, 0);
    track.startBehind(packet(40, true));
    track.sendAlone([packet(40, true)], 2, 0);
    const [first = 0, ...rest] = numbers(member);
    expect(rest).toEqual([first + 1, first + 3]);
  });

  it('that could not catch up begins anew under numbers that were not used', () => {
    const { track, member, send } = noted();
    track.adopt(VP8, 50);
    track.startBehind(key);
    track.sendAlone([key, second], 1, 0);
    begin(track, send, packet(60, true));
    const [first = 0, ...rest] = numbers(member);
    expect(rest).toEqual([first + 1, first + 3]);
  });

  it('gets numbers that rise, in any order of beginnings', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = seededRandom(seed);
      const { track, member, send } = noted();
      let index = 5000;
      track.adopt(VP8, index);
      let state: 'waiting' | 'behind' | 'live' = 'waiting';
      for (let step = 0; step < 60; step++) {
        const what = random();
        index += 1 + Math.floor(random() * 3);
        if (what < 0.1) {
          track.adopt(VP8, index - 1);
          state = 'waiting';
        } else if (state !== 'live' && what < 0.4) {
          track.startBehind(packet(index, true));
          if (random() < 0.5) track.sendAlone([packet(index, true)], index, step);
          state = 'behind';
        } else if (state === 'behind' && what < 0.6) {
          track.sendAlone([packet(index, false)], index, step);
        } else if (state === 'behind' && what < 0.7) {
          track.goLive(index, step);
          state = 'live';
        } else if (state === 'waiting' && what < 0.8) {
          track.start(packet(index, true));
          send(packet(index, true));
          state = 'live';
        } else send(packet(index, false));
      }
      const sent = numbers(member);
      expect(sent.every((number, at) => number > (sent[at - 1] ?? -1))).toBe(true);
    }
  });

  it('is sent a frame of more packets than the engine takes at once', () => {
    const { track, member } = noted();
    track.adopt(VP8, 200);
    const frame = Array.from({ length: 150 }, (_none, at) => packet(at, at === 0));
    track.startBehind(frame[0] ?? key);
    track.sendAlone(frame, 1, 0);
    expect(member.sent).toHaveLength(150);
  });
});
