import { describe, expect, it } from 'vitest';
import { eachExtension, parseRtp } from '../../rtp/packet.ts';
import { VP8 } from '../../test/rtp-fixtures.ts';
import { type FanoutPacket, type FanoutRoute, NOT_SENT, type RouteExtensionIds } from './engine.ts';
import { MAX_HEADER_BYTES, writeHeader } from './header.ts';

const NO_IDS: RouteExtensionIds = { mid: 0, sendTime: 0, orientation: 0, audioLevel: 0, captureTime: 0 };
const ALL_IDS: RouteExtensionIds = { mid: 1, sendTime: 2, orientation: 3, audioLevel: 4, captureTime: 14 };
const ALL = { orientation: 5, audioLevel: 200, captureTime: Buffer.alloc(16, 9) };

/** What a receiver reads of a header: its bytes, and the extensions by id, in hex. */
function header(given: {
  readonly ids?: Partial<RouteExtensionIds>;
  readonly mid?: string;
  readonly extensions?: FanoutPacket['extensions'];
  readonly sendTime?: number;
}) {
  const packet: FanoutPacket = {
    kind: VP8.kind,
    marker: true,
    index: 65_536 + 7,
    timestamp: 0xfedc_ba98,
    payload: Buffer.from([1]),
    extensions: given.extensions,
    sendTime: given.sendTime ?? NOT_SENT,
    padding: 0,
  };
  const route: FanoutRoute = {
    ssrc: 1,
    payloadType: 1,
    indexOffset: 0,
    firstIndex: 0,
    liveIndex: 0,
    mid: given.mid ?? '0',
    extensionIds: { ...NO_IDS, ...given.ids },
  };
  // What was there before must not show through.
  const target = Buffer.alloc(MAX_HEADER_BYTES, 0xff);
  const length = writeHeader(target, packet, route, {
    ssrc: 0x8765_4321,
    payloadType: 96,
    sequence: 65_535,
    sendTime: packet.sendTime,
  });
  const parsed = parseRtp(target.subarray(0, length));
  if (!parsed) throw new Error('the header is malformed');
  const extensions: Record<number, string> = {};
  eachExtension(parsed, (id, offset, size) => {
    extensions[id] = target.subarray(offset, offset + size).toString('hex');
  });
  return { length, parsed, extensions };
}

const hex = (text: string) => Buffer.from(text).toString('hex');

describe('the header of a packet for one member', () => {
  it('is twelve bytes without extensions, with the numbers of the member and the time of the packet', () => {
    const { length, parsed } = header({ extensions: ALL });
    expect(length).toBe(12);
    expect(parsed).toMatchObject({
      payloadType: 96,
      marker: true,
      sequence: 65_535,
      timestamp: 0xfedc_ba98,
      ssrc: 0x8765_4321,
      extensionLength: 0,
    });
  });

  it.each([
    ['mid', { ids: { mid: 1 }, mid: 'video' }, { 1: hex('video') }],
    ['the longest mid', { ids: { mid: 1 }, mid: 'm'.repeat(16) }, { 1: hex('m'.repeat(16)) }],
    ['send time', { ids: { sendTime: 2 }, sendTime: 0xff_0001 }, { 2: 'ff0001' }],
    ['orientation', { ids: { orientation: 3 }, extensions: ALL }, { 3: '05' }],
    ['orientation 0', { ids: { orientation: 3 }, extensions: { orientation: 0 } }, { 3: '00' }],
    ['audio level', { ids: { audioLevel: 4 }, extensions: ALL }, { 4: 'c8' }],
    ['a long capture time', { ids: { captureTime: 14 }, extensions: ALL }, { 14: '09'.repeat(16) }],
    [
      'a short capture time',
      { ids: { captureTime: 14 }, extensions: { captureTime: Buffer.alloc(8, 1) } },
      { 14: '01'.repeat(8) },
    ],
  ])('has %s under the id that the member negotiated, filled up to whole words', (_name, given, expected) => {
    const { length, extensions } = header(given);
    expect(extensions).toEqual(expected);
    expect(length % 4).toBe(0);
  });

  it('has room for all of them at their longest', () => {
    const { length, extensions } = header({
      ids: ALL_IDS,
      mid: 'm'.repeat(16),
      extensions: ALL,
      sendTime: 0x12_3456,
    });
    expect(extensions).toEqual({ 1: hex('m'.repeat(16)), 2: '123456', 3: '05', 4: 'c8', 14: '09'.repeat(16) });
    expect(length).toBeLessThanOrEqual(MAX_HEADER_BYTES);
  });

  it.each([
    ['a mid that is too long for a one-byte header', { ids: { mid: 1 }, mid: 'm'.repeat(17) }],
    ['an empty mid', { ids: { mid: 1 }, mid: '' }],
    ['what the packet does not have', { ids: { orientation: 3, audioLevel: 4, captureTime: 14 } }],
    ['what the packet has of other kinds', { ids: { audioLevel: 4 }, extensions: { orientation: 1 } }],
  ])('leaves out %s, and then the whole block', (_name, given) => {
    expect(header(given).length).toBe(12);
  });
});
