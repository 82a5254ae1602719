// One SSRC of a publisher's media: which of its packets came, which are missing, what must be asked of it.
// It must not know other sources, nor whether it is forwarded.

import type { FrameSize } from '../../rtp/frame-size.ts';
import { KeyFrameAnswers } from '../../rtp/key-frame-answers.ts';
import { KeyFrameWish } from '../../rtp/key-frame-wish.ts';
import { NackTracker } from '../../rtp/nack-tracker.ts';
import { ReceptionStatistics } from '../../rtp/reception-statistics.ts';
import { ReplayWindow } from '../../rtp/replay-window.ts';
import { writeFir, writeNack, writePli } from '../../rtp/rtcp-writer.ts';
import { isRestart, unwrapSequence } from '../../rtp/sequence.ts';
import type { OfferedCodec } from '../sdp/offer.ts';
import type { Format } from './demultiplexer.ts';

/** How far back packets are told apart from their repetitions; more than a restart lies apart. */
const WINDOW = 4096;

export class IngressSource {
  readonly ssrc: number;
  readonly statistics: ReceptionStatistics;
  /** Only where the publisher answers NACK. */
  readonly nack: NackTracker | undefined;
  readonly wish = new KeyFrameWish();
  readonly #answers = new KeyFrameAnswers();
  /** Of simulcast; learned from the header extension, which publishers stop sending once they were heard. */
  rid: string | undefined;
  codec: OfferedCodec;
  /** RTP timestamp of the packet that came last. */
  timestamp = 0;
  readonly firstPacketAtMs: number;
  lastPacketAtMs: number;
  /** Of all its packets. */
  payloadBytes = 0;
  /** Of its last key frame, where that says it. */
  size: FrameSize | undefined;
  /** Highest number, without wrap-around. */
  #highest: number | undefined;
  #seen = new ReplayWindow(WINDOW);
  /** Number of the last full intra request (RFC 5104 §4.3.1). */
  #firCommand = 0;

  constructor(ssrc: number, { codec }: Format, nowMs: number) {
    this.ssrc = ssrc;
    this.codec = codec;
    this.firstPacketAtMs = nowMs;
    this.lastPacketAtMs = nowMs;
    this.statistics = new ReceptionStatistics(codec.clockRate);
    this.nack = codec.feedback.includes('nack') ? new NackTracker() : undefined;
  }

  /**
   * Remembers a packet by its number. `newest` has nothing behind it but what is lost; one that was `repeated`, or is so
   * old that nobody can tell, is of no use.
   */
  place(sequence: number): 'newest' | 'late' | 'repeated' {
    if (this.#highest !== undefined && !isRestart(this.#highest & 0xffff, sequence)) return this.placeAgain(sequence);
    this.#seen = new ReplayWindow(WINDOW);
    // Packets from before the first are not negative.
    this.#highest = sequence + 0x1_0000;
    this.#seen.add(this.#highest);
    return 'newest';
  }

  /** The same for a retransmission, which never says where the numbers begin. */
  placeAgain(sequence: number): 'newest' | 'late' | 'repeated' {
    if (this.#highest === undefined || isRestart(this.#highest & 0xffff, sequence)) return 'repeated';
    const number = unwrapSequence(this.#highest, sequence);
    if (!this.#seen.isFresh(number)) return 'repeated';
    this.#seen.add(number);
    if (number < this.#highest) return 'late';
    this.#highest = number;
    return 'newest';
  }

  /** RTCP that asks for the packets that are due, if any. */
  askForLost(senderSsrc: number, nowMs: number, rttMs: number): Uint8Array[] {
    const lost = this.nack?.due(nowMs, rttMs) ?? [];
    return lost.length > 0 ? [writeNack(senderSsrc, this.ssrc, lost)] : [];
  }

  /** One came. */
  keyFrameSeen(nowMs: number): void {
    this.wish.seen();
    this.#answers.seen(nowMs);
  }

  /** It cannot be asked for a key frame, or did not answer. */
  isDeaf(nowMs: number): boolean {
    const { feedback } = this.codec;
    return !(feedback.includes('nack pli') || feedback.includes('ccm fir')) || this.#answers.isDeaf(nowMs);
  }

  /** RTCP that asks for a key frame, as far as the publisher understands any. */
  askForKeyFrame(senderSsrc: number, nowMs: number): Uint8Array[] {
    this.#answers.asked(nowMs);
    if (this.codec.feedback.includes('nack pli')) return [writePli(senderSsrc, this.ssrc)];
    if (!this.codec.feedback.includes('ccm fir')) return [];
    this.#firCommand = (this.#firCommand + 1) % 256;
    return [writeFir(senderSsrc, [{ ssrc: this.ssrc, commandNumber: this.#firCommand }])];
  }
}
