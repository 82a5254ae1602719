// What is told of a publisher's video layers, and when.

import { describe, expect, it } from 'vitest';
import type { LayerView } from '../../broadcast/ports.ts';
import { acceptedMedia, extended } from '../../test/media-fixtures.ts';
import { deltaFrame, VP8 } from '../../test/rtp-fixtures.ts';
import type { AcceptedMedia } from '../sdp/answer.ts';
import { Ingress } from './ingress.ts';

const MID = 4;
const RID = 10;
const FRAME_MS = 40;
/** 1000 bytes in each frame. */
const FILLING = 1000;

/** A publisher whose layers send when they are told to, and what it was heard to say of them. */
function publisher(rids: readonly string[]) {
  const told: { readonly atMs: number; readonly layers: readonly LayerView[] }[] = [];
  const video: AcceptedMedia = acceptedMedia({
    mid: 'v',
    codecs: [{ ...VP8, payloadType: 96, fmtp: undefined, feedback: ['nack pli'] }],
    extensions: new Map([
      ['mid', MID],
      ['rid', RID],
    ]),
    rids,
  });
  let frame = 0;
  const subject = new Ingress({
    media: [video],
    ssrc: 4242,
    cname: 'test',
    onItem: () => {},
    onTracks: () => {},
    onDrop: () => {},
    onLayers: (layers) => told.push({ atMs: frame * FRAME_MS, layers }),
  });
  return {
    told,
    /** What was told since the last look. */
    news: () => told.splice(0).map(({ layers }) => layers),
    /** Each layer is as large as its number times 160 × 90, and sends as many times the bytes. */
    send(ms: number, layers: readonly number[], scale = 1) {
      for (const end = frame + ms / FRAME_MS; frame < end; frame++) {
        for (const layer of layers) {
          const fields = { sequence: frame & 0xffff, timestamp: frame * 3600, ssrc: layer };
          const packet = Buffer.concat([
            deltaFrame(fields).subarray(0, 12),
            keyFramePayload(layer, layer * FILLING * scale),
          ]);
          const rid = rids[layer - 1];
          subject.receiveRtp(extended(packet, { [MID]: 'v', ...(rid ? { [RID]: rid } : {}) }), frame * FRAME_MS);
        }
        subject.due(frame * FRAME_MS);
      }
    },
  };
}

function keyFramePayload(layer: number, bytes: number): Buffer {
  const payload = Buffer.alloc(bytes);
  payload.set([0x10, 0, 0, 0, 0x9d, 0x01, 0x2a]);
  payload.writeUInt16LE(layer * 160, 7);
  payload.writeUInt16LE(layer * 90, 9);
  return payload;
}

const short = ({ rid, active, width, height, forwarded }: LayerView) =>
  `${rid} ${active ? 'on' : 'off'} ${width}x${height}${forwarded ? ' forwarded' : ''}`;

describe('the layers', () => {
  it('are one without simulcast, with its size and bitrate', () => {
    const test = publisher([]);
    test.send(1_000, [3]);
    expect(test.news().map((layers) => layers.map(short))).toEqual([['null on 480x270 forwarded']]);
    test.send(5_000, [3]);
    const [layer] = test.news().at(-1) ?? [];
    // 3000 bytes in 40 ms.
    expect(layer?.bitrateBps).toBeGreaterThan(560_000);
    expect(layer?.bitrateBps).toBeLessThan(640_000);
  });

  it('are those that were announced, in the publisher’s order; the one that is forwarded changes', () => {
    const test = publisher(['q', 'h', 'f']);
    test.send(40, [1]);
    test.send(1_000, [1, 2]);
    expect(test.news().at(-1)?.map(short)).toEqual(['q on 160x90 forwarded', 'h on 320x180', 'f off nullxnull']);
    test.send(6_000, [1, 2]);
    expect(test.news().at(-1)?.map(short)).toEqual(['q on 160x90', 'h on 320x180 forwarded', 'f off nullxnull']);
  });

  it('that fall silent are told as not active, and again when they come back', () => {
    const test = publisher(['q', 'h']);
    test.send(8_000, [1, 2]);
    test.news();
    test.send(4_000, [1]);
    expect(test.news().at(-1)?.map(short)).toEqual(['q on 160x90 forwarded', 'h off 320x180']);
    test.send(1_000, [1, 2]);
    expect(test.news().at(-1)?.map(short)).toEqual(['q on 160x90 forwarded', 'h on 320x180']);
  });

  it('whose bitrate moves by a lot are told, every three seconds at most; a little is no news', () => {
    const test = publisher([]);
    test.send(10_000, [3]);
    test.news();
    test.send(10_000, [3], 1.1);
    expect(test.news()).toEqual([]);
    test.send(12_000, [3], 3);
    const times = test.told.map(({ atMs }) => atMs);
    expect(times.length).toBeGreaterThan(0);
    for (const [index, atMs] of times.entries())
      if (index > 0) expect(atMs - (times[index - 1] ?? 0)).toBeGreaterThanOrEqual(3_000);
    expect(test.news().at(-1)?.[0]?.bitrateBps).toBeGreaterThan(1_500_000);
  });
});
