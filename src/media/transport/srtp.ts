// One SRTP session: finds packet indexes across roll-over, refuses replays (RFC 3711 §3.3, §3.4, RFC 7714).
// It must not know what the packets carry, sockets, or how the keys were agreed.

import { rtpHeaderLength } from '../../rtp/packet.ts';
import { createSrtpCipher, type SrtpCipher } from './srtp-cipher.ts';
import { deriveSrtpKeys, type SrtpProfile } from './srtp-keys.ts';
import { SrtpSources } from './srtp-sources.ts';

export interface SrtpSessionOptions {
  /** 7 AEAD_AES_128_GCM, 1 AES_CM_128_HMAC_SHA1_80. */
  readonly profile: SrtpProfile;
  /** Master keys from the DTLS exporter (RFC 5764 §4.2): 16 bytes of key, 12 (GCM) or 14 bytes of salt. */
  readonly localKey: Uint8Array;
  readonly localSalt: Uint8Array;
  readonly remoteKey: Uint8Array;
  readonly remoteSalt: Uint8Array;
}

/** Room for the answer to a NACK that comes 2 s late at 1000 packets per second. */
const RTP_REPLAY_WINDOW = 2048;
const RTCP_REPLAY_WINDOW = 512;
const RTCP_HEADER_LENGTH = 8;
/** RFC 3711 §9.2: at most 2^31 SRTCP packets under one key. */
const MAX_RTCP_INDEX = 0x7fff_ffff;

/**
 * The 48-bit index that `sequence` stands for, nearest to the highest known one (RFC 3711 §3.3.1, appendix A).
 * Never before the first roll-over counter, 0.
 */
export function estimatePacketIndex(highest: number, sequence: number): number {
  const rolloverBase = highest - (highest % 0x1_0000);
  const highestSequence = highest % 0x1_0000;
  if (highestSequence < 0x8000) {
    const isBefore = sequence - highestSequence > 0x8000 && rolloverBase > 0;
    return (isBefore ? rolloverBase - 0x1_0000 : rolloverBase) + sequence;
  }
  const isAfter = highestSequence - 0x8000 > sequence;
  return (isAfter ? rolloverBase + 0x1_0000 : rolloverBase) + sequence;
}

export class SrtpSession {
  readonly #options: SrtpSessionOptions;
  /** Made when something is sent here: toward viewers a fan-out engine has the keys. */
  #localCipher: SrtpCipher | undefined;
  readonly #remote: SrtpCipher;
  /** Highest index sent, by our SSRC. */
  readonly #sent = new Map<number, number>();
  readonly #receivedRtp = new SrtpSources(RTP_REPLAY_WINDOW);
  readonly #receivedRtcp = new SrtpSources(RTCP_REPLAY_WINDOW);
  /** One counter for all our SSRCs: the SSRC is in the IV too, and each sees it rise. */
  #nextRtcpIndex = 0;

  constructor(options: SrtpSessionOptions) {
    const { profile, remoteKey, remoteSalt } = options;
    this.#options = options;
    this.#remote = createSrtpCipher(profile, deriveSrtpKeys(profile, remoteKey, remoteSalt));
  }

  get #local(): SrtpCipher {
    const { profile, localKey, localSalt } = this.#options;
    this.#localCipher ??= createSrtpCipher(profile, deriveSrtpKeys(profile, localKey, localSalt));
    return this.#localCipher;
  }

  /**
   * Encrypts a packet of ours into a new buffer. An older packet may be protected again for a retransmission, but only
   * byte for byte as it was: another plaintext under the same sequence number breaks GCM. Throws on what is not RTP.
   */
  protectRtp(packet: Uint8Array): Buffer {
    const headerLength = rtpHeaderLength(packet);
    if (headerLength === undefined) throw new Error('Not an RTP packet');
    const ssrc = ssrcAt(packet, 8);
    const sequence = sequenceOf(packet);
    const highest = this.#sent.get(ssrc);
    const index = highest === undefined ? sequence : estimatePacketIndex(highest, sequence);
    if (highest === undefined || index > highest) this.#sent.set(ssrc, index);
    return this.#local.protectRtp(packet, headerLength, index);
  }

  /** Decrypts into a new buffer; undefined when the packet is malformed, not authentic or a replay. Never throws. */
  unprotectRtp(packet: Uint8Array): Buffer | undefined {
    const headerLength = rtpHeaderLength(packet);
    if (headerLength === undefined || packet.length < headerLength + this.#remote.tagLength) return undefined;
    const ssrc = ssrcAt(packet, 8);
    const sequence = sequenceOf(packet);
    const window = this.#receivedRtp.window(ssrc);
    if (!window) return this.#unprotectFirstRtp(packet, headerLength, ssrc, sequence);

    const index = estimatePacketIndex(window.highest, sequence);
    if (!window.isFresh(index)) return undefined;
    const plain = this.#remote.unprotectRtp(packet, headerLength, index);
    if (plain) this.#receivedRtp.add(ssrc, index);
    return plain;
  }

  /**
   * The first authentic packet of an SSRC tells its roll-over counter. It is 1 instead of 0 when the source started
   * shortly before the wrap and its first packets were lost, which RFC 3711 §3.3.1 leaves open. One that was silent while
   * many others came goes on behind its last packet: what it sent before is a replay now.
   */
  #unprotectFirstRtp(packet: Uint8Array, headerLength: number, ssrc: number, sequence: number): Buffer | undefined {
    if (!this.#receivedRtp.hasRoomFor(ssrc)) return undefined;
    const past = this.#receivedRtp.retiredAt(ssrc);
    const indexes = past === undefined ? [sequence, 0x1_0000 + sequence] : [estimatePacketIndex(past, sequence)];
    for (const index of indexes) {
      if (past !== undefined && index <= past) continue;
      const plain = this.#remote.unprotectRtp(packet, headerLength, index);
      if (!plain) continue;
      this.#receivedRtp.add(ssrc, index);
      return plain;
    }
    return undefined;
  }

  /** Encrypts a compound or reduced-size RTCP packet of ours into a new buffer. Throws on what is not RTCP. */
  protectRtcp(packet: Uint8Array): Buffer {
    if (packet.length < RTCP_HEADER_LENGTH) throw new Error('Not an RTCP packet');
    if (this.#nextRtcpIndex > MAX_RTCP_INDEX) throw new Error('The SRTCP key is used up');
    return this.#local.protectRtcp(packet, this.#nextRtcpIndex++);
  }

  /** Decrypts into a new buffer; undefined when the packet is malformed, not authentic or a replay. Never throws. */
  unprotectRtcp(packet: Uint8Array): Buffer | undefined {
    const index = this.#remote.rtcpIndex(packet);
    if (index === undefined || (packet[0] ?? 0) >> 6 !== 2) return undefined;
    const ssrc = ssrcAt(packet, 4);
    const known = this.#receivedRtcp.window(ssrc);
    const isFresh = known ? known.isFresh(index) : index > (this.#receivedRtcp.retiredAt(ssrc) ?? -1);
    if (!isFresh || !this.#receivedRtcp.hasRoomFor(ssrc)) return undefined;
    const plain = this.#remote.unprotectRtcp(packet);
    if (plain) this.#receivedRtcp.add(ssrc, index);
    return plain;
  }
}

function ssrcAt(packet: Uint8Array, offset: number): number {
  let ssrc = 0;
  for (let place = offset; place < offset + 4; place++) ssrc = ssrc * 256 + (packet[place] ?? 0);
  return ssrc;
}

function sequenceOf(packet: Uint8Array): number {
  return ((packet[2] ?? 0) << 8) | (packet[3] ?? 0);
}
