// The header extensions that Fanlight knows: their names, their URIs, and what a packet carries in them, read in one pass.
// It must not know SDP text, peers or codecs.

import { eachExtension, type RtpPacket } from './packet.ts';

export type HeaderExtension =
  | 'mid'
  | 'rid'
  | 'repaired-rid'
  | 'transport-wide'
  | 'abs-send-time'
  | 'orientation'
  | 'audio-level'
  | 'capture-time'
  | 'dependency-descriptor';

export const HEADER_EXTENSION_URI: Readonly<Record<HeaderExtension, string>> = {
  /** RFC 9143 §15. */
  mid: 'urn:ietf:params:rtp-hdrext:sdes:mid',
  /** RFC 8852 §3.1, §3.2. */
  rid: 'urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id',
  'repaired-rid': 'urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id',
  'transport-wide': 'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
  'abs-send-time': 'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time',
  /** 3GPP TS 26.114 §7.4.5. */
  orientation: 'urn:3gpp:video-orientation',
  /** RFC 6464. */
  'audio-level': 'urn:ietf:params:rtp-hdrext:ssrc-audio-level',
  'capture-time': 'http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time',
  /** AV1 RTP payload format, appendix A. */
  'dependency-descriptor': 'https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension',
};

/** One-byte headers have ids 1 to 14 (RFC 8285 §4.2); we accept no others, and write no others. */
export const MAX_EXTENSION_ID = 14;

/** What goes on to viewers as it came, under ids of theirs. */
export interface PassedExtensions {
  /** One byte (3GPP TS 26.114 §7.4.5). */
  readonly orientation?: number;
  /** One byte: the V bit, then the level in -dBov (RFC 6464 §3). */
  readonly audioLevel?: number;
  /** 8 or 16 bytes (abs-capture-time); the packet's own memory. */
  readonly captureTime?: Uint8Array;
}

/** What a packet carried in the extensions that were negotiated. */
export interface ReceivedExtensions {
  mid: string | undefined;
  rid: string | undefined;
  repairedRid: string | undefined;
  /** Number of the packet among all of its transport, 16 bits. */
  transportSequence: number | undefined;
  passed: PassedExtensions | undefined;
}

type Writable<T> = { -readonly [key in keyof T]: T[key] };

/** Reads packets of one transport, where an id means the same in every section (RFC 9143 §9.1). */
export class ExtensionReader {
  /** By id. */
  readonly #names: (HeaderExtension | undefined)[] = [];

  constructor(ids: Iterable<readonly [HeaderExtension, number]>) {
    for (const [name, id] of ids) this.#names[id] ??= name;
  }

  /** Values of a length that they cannot have are left out. Never throws. */
  read(packet: RtpPacket): ReceivedExtensions {
    const received: ReceivedExtensions = {
      mid: undefined,
      rid: undefined,
      repairedRid: undefined,
      transportSequence: undefined,
      passed: undefined,
    };
    if (packet.extensionLength === 0) return received;
    let passed: Writable<PassedExtensions> | undefined;
    eachExtension(packet, (id, offset, length) => {
      const { bytes } = packet;
      switch (this.#names[id]) {
        case 'mid':
          received.mid = text(bytes, offset, length);
          return;
        case 'rid':
          received.rid = text(bytes, offset, length);
          return;
        case 'repaired-rid':
          received.repairedRid = text(bytes, offset, length);
          return;
        case 'transport-wide':
          if (length === 2) received.transportSequence = ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0);
          return;
        case 'orientation':
          if (length !== 1) return;
          passed ??= {};
          passed.orientation = bytes[offset] ?? 0;
          return;
        case 'audio-level':
          if (length !== 1) return;
          passed ??= {};
          passed.audioLevel = bytes[offset] ?? 0;
          return;
        case 'capture-time':
          if (length !== 8 && length !== 16) return;
          passed ??= {};
          passed.captureTime = bytes.subarray(offset, offset + length);
      }
    });
    received.passed = passed;
    return received;
  }
}

/** mid and rid are ASCII; an empty one says nothing. */
function text(bytes: Uint8Array, offset: number, length: number): string | undefined {
  return length > 0 ? String.fromCharCode(...bytes.subarray(offset, offset + length)) : undefined;
}
