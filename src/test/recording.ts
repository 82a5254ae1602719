// For tests: a short video that decodes, with key frames exactly where a test wants them, made by a browser's encoder and
// cut into RTP payloads. It must not know who publishes it.

import type { Page } from 'playwright-core';

export interface RecordingOptions {
  readonly codec: 'VP8' | 'H264';
  readonly width: number;
  readonly height: number;
  readonly framesPerSecond: number;
  /** How long; the first frame alone is a key frame, so that the recording played again and again has one so often. */
  readonly seconds: number;
  readonly bitrateBps: number;
}

export interface Recording extends RecordingOptions {
  /** RTP payloads of each frame. */
  readonly frames: readonly (readonly Buffer[])[];
}

const MAX_PAYLOAD_BYTES = 1150;

/** Encodes a moving picture as fast as the machine can. */
export async function record(page: Page, options: RecordingOptions): Promise<Recording> {
  const encoded = await page.evaluate(async ({ codec, width, height, framesPerSecond, seconds, bitrateBps }) => {
    const canvas = new OffscreenCanvas(width, height);
    const picture = canvas.getContext('2d');
    if (!picture) throw new Error('no canvas');
    const chunks: string[] = [];
    let failure: unknown;
    const encoder = new VideoEncoder({
      output: (chunk) => {
        const bytes = new Uint8Array(chunk.byteLength);
        chunk.copyTo(bytes);
        let text = '';
        for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
        chunks.push(btoa(text));
      },
      error: (error) => {
        failure = error;
      },
    });
    encoder.configure({
      codec: codec === 'VP8' ? 'vp8' : 'avc1.42e01f',
      width,
      height,
      bitrate: bitrateBps,
      framerate: framesPerSecond,
      latencyMode: 'realtime',
      ...(codec === 'H264' ? { avc: { format: 'annexb' as const } } : {}),
    });
    const count = Math.round(framesPerSecond * seconds);
    for (let number = 0; number < count; number++) {
      picture.fillStyle = `hsl(${(number * 3) % 360} 60% 40%)`;
      picture.fillRect(0, 0, width, height);
      // Enough detail that moves for the bitrate to be used.
      for (let spot = 0; spot < 60; spot++) {
        picture.fillStyle = `hsl(${(spot * 47) % 360} 80% 60%)`;
        picture.fillRect(
          (spot * 97 + number * (1 + (spot % 7))) % width,
          (spot * 61 + number * (spot % 5)) % height,
          24,
          24,
        );
      }
      const frame = new VideoFrame(canvas, { timestamp: (number * 1_000_000) / framesPerSecond });
      encoder.encode(frame, { keyFrame: number === 0 });
      frame.close();
      while (encoder.encodeQueueSize > 4) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await encoder.flush();
    if (failure) throw failure;
    return chunks;
  }, options);
  const split = options.codec === 'VP8' ? vp8Payloads : h264Payloads;
  return { ...options, frames: encoded.map((chunk) => split(Buffer.from(chunk, 'base64'))) };
}

/** RFC 7741 §4.2: a descriptor of one byte, with the S bit in the frame's first packet. */
function vp8Payloads(frame: Buffer): Buffer[] {
  return pieces(frame, MAX_PAYLOAD_BYTES - 1).map((piece, at) =>
    Buffer.concat([Buffer.from([at === 0 ? 0x10 : 0]), piece]),
  );
}

/** RFC 6184 §5.6 single NAL units, §5.8 FU-A for those that are too long. */
function h264Payloads(frame: Buffer): Buffer[] {
  return nalUnits(frame).flatMap((unit) => {
    if (unit.length <= MAX_PAYLOAD_BYTES) return [unit];
    const header = unit[0] ?? 0;
    const fragments = pieces(unit.subarray(1), MAX_PAYLOAD_BYTES - 2);
    return fragments.map((fragment, at) => {
      const start = at === 0 ? 0x80 : 0;
      const end = at === fragments.length - 1 ? 0x40 : 0;
      return Buffer.concat([Buffer.from([(header & 0x60) | 28, start | end | (header & 0x1f)]), fragment]);
    });
  });
}

/** H.264 Annex B: units behind start codes of three or four bytes. */
function nalUnits(bytes: Buffer): Buffer[] {
  const units: Buffer[] = [];
  const mark = Buffer.from([0, 0, 1]);
  for (let at = bytes.indexOf(mark); at >= 0; ) {
    const next = bytes.indexOf(mark, at + 3);
    const end = next < 0 ? bytes.length : bytes[next - 1] === 0 ? next - 1 : next;
    units.push(bytes.subarray(at + 3, end));
    at = next;
  }
  return units;
}

function pieces(bytes: Buffer, maxBytes: number): Buffer[] {
  const count = Math.ceil(bytes.length / maxBytes);
  const size = Math.ceil(bytes.length / count);
  return Array.from({ length: count }, (_none, at) => bytes.subarray(at * size, (at + 1) * size));
}
