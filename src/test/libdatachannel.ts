// A publisher and a viewer on libdatachannel (node-datachannel), the library inside OBS: RTP packets are ours byte for byte,
// so that a test sees exactly what the relay does to them.

import { createRequire } from 'node:module';
import type * as NodeDataChannel from 'node-datachannel';
import { writeRtpHeader } from '../rtp/packet.ts';
import { writeNack } from '../rtp/rtcp-writer.ts';
import type { Recording } from './recording.ts';
import { type OpenOptions, type OpenResult, postOffer } from './session-requests.ts';

// Its ESM entry lacks the classes.
const library = createRequire(import.meta.url)('node-datachannel') as typeof NodeDataChannel;

const VIDEO = 96;
const OPUS = 111;
const PUBLISHER_VIDEO_SSRC = 4001;
const PUBLISHER_AUDIO_SSRC = 4002;
/** RFC 6184 §5.7.1: an aggregate of an SPS and an IDR slice, as OBS repeats its headers; §5.2: another slice. */
const KEY_FRAME = [0x78, 0x00, 0x04, 0x67, 0x42, 0xe0, 0x1f, 0x00, 0x04, 0x65, 0x88, 0x84, 0x00];
const SLICE = [0x41, 0x9a, 0x24, 0x6c];

/** Native objects live as long as the process: the library crashes when one is collected while its threads still call it. */
const kept: unknown[] = [];

function keep<T>(native: T): T {
  kept.push(native);
  return native;
}

/** Another way to the server than the one that its answer names. */
export interface AnswerOptions {
  readonly rewriteAnswer?: (answer: string) => string;
}

class LibdatachannelPeer {
  readonly connection = keep(new library.PeerConnection('test', { iceServers: [], disableAutoNegotiation: true }));
  session: OpenResult | undefined;

  /** @param withCandidates OBS puts none into its offer since 30.2 */
  protected async negotiate(
    endpoint: string,
    withCandidates: boolean,
    options: OpenOptions & AnswerOptions,
  ): Promise<OpenResult> {
    const offer = await new Promise<string>((resolve) => {
      this.connection.onGatheringStateChange((state) => {
        if (state === 'complete') resolve(this.connection.localDescription()?.sdp ?? '');
      });
      this.connection.setLocalDescription('offer');
    });
    const lines = offer
      .split('\r\n')
      .filter((line) => withCandidates || !/^a=(candidate|end-of-candidates)/.test(line));
    this.session = await postOffer(endpoint, lines.join('\r\n'), options);
    const { rewriteAnswer = (answer) => answer } = options;
    if (this.session.status === 201) {
      this.connection.setRemoteDescription(rewriteAnswer(this.session.answer), 'answer');
    }
    return this.session;
  }

  get isConnected(): boolean {
    return this.connection.state() === 'connected';
  }

  close(): void {
    this.connection.close();
  }
}

/** Publishes as OBS does: H264 declared constrained baseline, Opus, no candidates, deaf to PLI. */
export class ObsLikePublisher extends LibdatachannelPeer {
  readonly #video: NodeDataChannel.Track;
  readonly #audio: NodeDataChannel.Track;

  constructor() {
    super();
    const audio = keep(new library.Audio('0', 'SendOnly'));
    audio.addOpusCodec(OPUS);
    audio.addSSRC(PUBLISHER_AUDIO_SSRC, 'obs', 'obs-msid', 'audio');
    const video = keep(new library.Video('1', 'SendOnly'));
    video.addH264Codec(VIDEO, 'profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1');
    video.addSSRC(PUBLISHER_VIDEO_SSRC, 'obs', 'obs-msid', 'video');
    this.#audio = keep(this.connection.addTrack(audio));
    this.#video = keep(this.connection.addTrack(video));
  }

  publish(endpoint: string, options: OpenOptions = {}): Promise<OpenResult> {
    return this.negotiate(endpoint, false, options);
  }

  /** The library says so a moment before its tracks are open, and to send before that is an error. */
  override get isConnected(): boolean {
    return super.isConnected && this.#video.isOpen() && this.#audio.isOpen();
  }

  sendVideo(sequence: number, { key, payload = [] }: { readonly key: boolean; readonly payload?: number[] }): void {
    const data = [...(key ? KEY_FRAME : SLICE), ...payload];
    this.#video.sendMessageBinary(rtp(VIDEO, PUBLISHER_VIDEO_SSRC, sequence, sequence * 3000, data));
  }

  sendAudio(sequence: number): void {
    this.#audio.sendMessageBinary(rtp(OPUS, PUBLISHER_AUDIO_SSRC, sequence, sequence * 960, [0xfc, 1, 2, 3]));
  }
}

/** Plays a recording again and again, as a program like FFmpeg does: nobody can make it send a key frame before its time. */
export class RecordedPublisher extends LibdatachannelPeer {
  readonly #recording: Recording;
  readonly #video: NodeDataChannel.Track;
  readonly #audio: NodeDataChannel.Track;
  #sequence = 0;
  #frame = 0;
  #sounds = 0;
  #timer: NodeJS.Timeout | undefined;
  #keyFrameAtMs = Number.POSITIVE_INFINITY;

  constructor(recording: Recording) {
    super();
    this.#recording = recording;
    const audio = keep(new library.Audio('0', 'SendOnly'));
    audio.addOpusCodec(OPUS);
    audio.addSSRC(PUBLISHER_AUDIO_SSRC, 'rec', 'rec-msid', 'audio');
    const video = keep(new library.Video('1', 'SendOnly'));
    if (recording.codec === 'VP8') video.addVP8Codec(VIDEO);
    else video.addH264Codec(VIDEO, 'profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1');
    video.addSSRC(PUBLISHER_VIDEO_SSRC, 'rec', 'rec-msid', 'video');
    this.#audio = keep(this.connection.addTrack(audio));
    this.#video = keep(this.connection.addTrack(video));
  }

  publish(endpoint: string, options: OpenOptions = {}): Promise<OpenResult> {
    return this.negotiate(endpoint, false, options);
  }

  /** The library says so a moment before its tracks are open, and to send before that is an error. */
  override get isConnected(): boolean {
    return super.isConnected && this.#video.isOpen() && this.#audio.isOpen();
  }

  /** Plays in real time, from the key frame on. */
  play(): void {
    const beganMs = performance.now();
    this.#timer = setInterval(() => {
      const elapsedMs = performance.now() - beganMs;
      const { framesPerSecond } = this.#recording;
      while ((this.#frame * 1000) / framesPerSecond <= elapsedMs) this.#sendFrame();
      // Opus: one frame of silence for 20 ms.
      while (this.#sounds * 20 <= elapsedMs) {
        const sound = rtp(OPUS, PUBLISHER_AUDIO_SSRC, this.#sounds, this.#sounds * 960, [0xf8, 0xff, 0xfe]);
        this.#sounds++;
        this.#audio.sendMessageBinary(sound);
      }
    }, 5);
  }

  /** Since the newest key frame began to leave; negative before the first. */
  get sinceKeyFrameMs(): number {
    return performance.now() - this.#keyFrameAtMs;
  }

  override close(): void {
    clearInterval(this.#timer);
    super.close();
  }

  #sendFrame(): void {
    const { frames, framesPerSecond } = this.#recording;
    const number = this.#frame++;
    const at = number % frames.length;
    if (at === 0) this.#keyFrameAtMs = performance.now();
    const payloads = frames[at] ?? [];
    const timestamp = Math.round((number * 90_000) / framesPerSecond);
    for (const [part, payload] of payloads.entries()) {
      const isLast = part === payloads.length - 1;
      this.#video.sendMessageBinary(
        rtp(VIDEO, PUBLISHER_VIDEO_SSRC, this.#sequence++, timestamp, [...payload], isLast),
      );
    }
  }
}

export interface SeenPacket {
  readonly payloadType: number;
  readonly sequence: number;
  readonly timestamp: number;
  readonly ssrc: number;
  readonly payload: Buffer;
}

/** Views with another payload type than the publisher's, so that a mix-up shows. */
export class LibdatachannelViewer extends LibdatachannelPeer {
  static readonly videoPayloadType = 102;
  readonly #tracks: NodeDataChannel.Track[] = [];
  readonly video: SeenPacket[] = [];
  readonly audio: SeenPacket[] = [];
  readonly messages: { readonly label: string; readonly data: string | Buffer | ArrayBuffer }[] = [];

  constructor({ data = false }: { readonly data?: boolean } = {}) {
    super();
    const audio = keep(new library.Audio('0', 'RecvOnly'));
    audio.addOpusCodec(OPUS);
    const video = keep(new library.Video('1', 'RecvOnly'));
    video.addH264Codec(
      LibdatachannelViewer.videoPayloadType,
      'profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1',
    );
    for (const [medium, seen] of [
      [audio, this.audio],
      [video, this.video],
    ] as const) {
      const track = keep(this.connection.addTrack(medium));
      this.#tracks.push(track);
      track.onMessage((bytes) => {
        const packet = see(bytes);
        if (packet) seen.push(packet);
      });
    }
    if (!data) return;
    keep(this.connection.createDataChannel('fanlight'));
    this.connection.onDataChannel((channel) => {
      keep(channel).onMessage((message) => this.messages.push({ label: channel.getLabel(), data: message }));
    });
  }

  view(endpoint: string, options: OpenOptions & AnswerOptions = {}): Promise<OpenResult> {
    return this.negotiate(endpoint, true, options);
  }

  /** NACK for packets of the video, which this library leaves to whoever uses it. */
  askAgain(sequences: readonly number[]): void {
    const ssrc = this.video[0]?.ssrc;
    if (ssrc === undefined || sequences.length === 0) return;
    this.#tracks.at(-1)?.sendMessageBinary(Buffer.from(writeNack(1, ssrc, sequences)));
  }
}

function rtp(
  payloadType: number,
  ssrc: number,
  sequence: number,
  timestamp: number,
  payload: number[],
  marker = true,
): Buffer {
  const bytes = Buffer.alloc(12 + payload.length);
  writeRtpHeader(bytes, { payloadType, ssrc, sequence: sequence & 0xffff, timestamp: timestamp >>> 0, marker });
  bytes.set(payload, 12);
  return bytes;
}

/** Undefined for RTCP, which the library hands out too. */
function see(bytes: Buffer): SeenPacket | undefined {
  const type = bytes.readUInt8(1);
  if (type >= 192 && type <= 223) return undefined;
  return {
    payloadType: type & 0x7f,
    sequence: bytes.readUInt16BE(2),
    timestamp: bytes.readUInt32BE(4),
    ssrc: bytes.readUInt32BE(8),
    payload: Buffer.from(bytes.subarray(12)),
  };
}
