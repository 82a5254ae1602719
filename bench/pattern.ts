// What the benchmark's publisher sends: packets in the shape of libwebrtc's VP8 at 720p30 and 1.4 Mb/s with Opus beside it.
// Generated, so that every run sends the same. It must not know time, sequence numbers or sockets.

import type { MediaKind } from '../src/rtp/codec.ts';

export const FRAMES_PER_SECOND = 30;
export const AUDIO_PACKETS_PER_SECOND = 50;
export const VIDEO_BITRATE_BPS = 1_400_000;
/** A key frame every two seconds. */
export const FRAMES_PER_CYCLE = 60;
/** Ticks of the RTP clocks (90 and 48 kHz) per frame and per audio packet. */
export const VIDEO_TICKS_PER_FRAME = 3_000;
export const AUDIO_TICKS_PER_PACKET = 960;

/** How many times a key frame is larger than another one. */
const KEY_FRAME_FACTOR = 5;
/** Payload as libwebrtc cuts it: 1,200 bytes less RTP header, extensions and room for RTX and SRTP. */
const MAX_PAYLOAD_BYTES = 1_150;
const AUDIO_PAYLOAD_BYTES = 80;
/** RFC 7741 §4.2 with X, I and a picture ID of 15 bits. */
const DESCRIPTOR_BYTES = 4;
/** Frame tag, start code and dimensions (RFC 6386 §9.1). */
const VP8_KEY_FRAME_HEADER = [0x9d, 0x01, 0x2a, 0x00, 0x05, 0xd0, 0x02];
/** Packet number (4 bytes) and nanoseconds (8 bytes), at the end of each payload. */
const STAMP_BYTES = 12;

const DELTA_FRAME_BYTES =
  (VIDEO_BITRATE_BPS / 8 / FRAMES_PER_SECOND) * (FRAMES_PER_CYCLE / (FRAMES_PER_CYCLE - 1 + KEY_FRAME_FACTOR));

export interface PatternPacket {
  readonly kind: MediaKind;
  readonly marker: boolean;
  /** Fresh memory with room for a stamp at its end. */
  readonly payload: Buffer;
}

/** What a payload says about its way: a number that counts the packets of its kind, and when it was sent. */
export interface Stamp {
  readonly number: number;
  /** CLOCK_MONOTONIC, the same in all processes of a machine. */
  readonly sentAtNs: bigint;
}

/** Payload bytes of each packet of a frame, nearly equal, the larger ones last, as libwebrtc splits. */
export function framePayloadSizes(frame: number, isKey: boolean): number[] {
  const vp8Bytes = isKey ? DELTA_FRAME_BYTES * KEY_FRAME_FACTOR : DELTA_FRAME_BYTES * ripple(frame);
  const count = Math.ceil(vp8Bytes / (MAX_PAYLOAD_BYTES - DESCRIPTOR_BYTES));
  const total = Math.round(vp8Bytes);
  const larger = total % count;
  return Array.from(
    { length: count },
    (_, place) => DESCRIPTOR_BYTES + Math.floor(total / count) + (place >= count - larger ? 1 : 0),
  );
}

/** The packets of one video frame; the last one has the marker. */
export function videoFrame(frame: number, isKey: boolean): PatternPacket[] {
  const sizes = framePayloadSizes(frame, isKey);
  return sizes.map((size, place) => {
    const payload = filled(size, frame + place);
    payload[0] = 0x80 | (place === 0 ? 0x10 : 0);
    payload[1] = 0x80;
    payload.writeUInt16BE(0x8000 | (frame & 0x7fff), 2);
    if (place === 0) writeFrameHeader(payload, isKey);
    return { kind: 'video', marker: place === sizes.length - 1, payload };
  });
}

export function audioPacket(number: number): PatternPacket {
  return { kind: 'audio', marker: false, payload: filled(AUDIO_PAYLOAD_BYTES, number) };
}

/** Packets of one cycle that go out together: the frames with the audio packets between them, as lists of payload sizes. */
export function cycleBursts(): number[][] {
  const bursts: number[][] = [];
  let audio = 0;
  for (let frame = 0; frame < FRAMES_PER_CYCLE; frame++) {
    bursts.push(framePayloadSizes(frame, frame === 0));
    for (; audio < ((frame + 1) * AUDIO_PACKETS_PER_SECOND) / FRAMES_PER_SECOND; audio++)
      bursts.push([AUDIO_PAYLOAD_BYTES]);
  }
  return bursts;
}

/** The same, as well gathered as can be: the packets of a frame made one size, and the sound since the last frame behind them. */
export function gatheredBursts(): number[][] {
  const gathered: number[][] = [];
  for (const burst of cycleBursts()) {
    const last = gathered.at(-1);
    if (last && burst[0] === AUDIO_PAYLOAD_BYTES) last.push(...burst);
    else gathered.push(burst.map(() => Math.max(...burst)));
  }
  return gathered;
}

export function writeStamp(payload: Buffer, { number, sentAtNs }: Stamp): void {
  payload.writeUInt32BE(number >>> 0, payload.length - STAMP_BYTES);
  payload.writeBigUInt64BE(sentAtNs, payload.length - STAMP_BYTES + 4);
}

/** Undefined when the payload is too short to have one. */
export function readStamp(payload: Uint8Array): Stamp | undefined {
  if (payload.length < STAMP_BYTES) return undefined;
  const view = new DataView(payload.buffer, payload.byteOffset + payload.length - STAMP_BYTES, STAMP_BYTES);
  return { number: view.getUint32(0), sentAtNs: view.getBigUint64(4) };
}

/** Frames differ in size as those of a moving picture do: 0.8 to 1.2, on average 1. */
function ripple(frame: number): number {
  return 1 + 0.2 * ((((frame * 7) % 11) - 5) / 5);
}

/** RFC 6386 §9.1: the lowest bit is 0 for a key frame; 0x10 is "show". */
function writeFrameHeader(payload: Buffer, isKey: boolean): void {
  payload[DESCRIPTOR_BYTES] = 0x10 | (isKey ? 0 : 1);
  if (isKey) payload.set(VP8_KEY_FRAME_HEADER, DESCRIPTOR_BYTES + 3);
}

function filled(size: number, seed: number): Buffer {
  return Buffer.alloc(size, seed & 0xff);
}
