// A publisher and a viewer on libwebrtc (@roamhq/wrtc), the stack of Chromium without the browser: a stack that we did not write.

import { createRequire } from 'node:module';
import { type OpenOptions, type OpenResult, postOffer } from './session-requests.ts';

interface FrameEvent {
  readonly frame: { readonly width: number; readonly height: number; readonly data: Uint8ClampedArray };
}
interface VideoSource {
  createTrack(): MediaStreamTrack;
  onFrame(frame: { width: number; height: number; data: Uint8ClampedArray }): void;
}
interface AudioSource {
  createTrack(): MediaStreamTrack;
  onData(data: {
    samples: Int16Array;
    sampleRate: number;
    bitsPerSample: 16;
    channelCount: 1;
    numberOfFrames: number;
  }): void;
}
interface Sink {
  onframe?: (event: FrameEvent) => void;
  ondata?: (event: { samples: Int16Array }) => void;
  stop(): void;
}
const wrtc = createRequire(import.meta.url)('@roamhq/wrtc') as {
  RTCPeerConnection: typeof RTCPeerConnection;
  nonstandard: {
    RTCVideoSource: new () => VideoSource;
    RTCAudioSource: new () => AudioSource;
    RTCVideoSink: new (track: MediaStreamTrack) => Sink;
    RTCAudioSink: new (track: MediaStreamTrack) => Sink;
  };
};

const WIDTH = 320;
const HEIGHT = 240;
const FRAME_MS = 33;
const SAMPLE_RATE = 48_000;
const AUDIO_MS = 10;

/** What is common to both: a peer connection, its session, data channels by label. */
class LibwebrtcPeer {
  readonly connection: RTCPeerConnection;
  session: OpenResult | undefined;

  constructor(configuration: RTCConfiguration = {}) {
    this.connection = new wrtc.RTCPeerConnection(configuration);
  }

  protected async negotiate(endpoint: string, options: OpenOptions): Promise<OpenResult> {
    const offer = await this.connection.createOffer();
    await this.connection.setLocalDescription(offer);
    // Never `localDescription` while candidates are gathered: wrtc reads it on this thread while libwebrtc's own adds to it,
    // and now and then that ends the process (SIGSEGV in webrtc::SdpSerialize). The server needs no candidates.
    this.session = await postOffer(endpoint, offer.sdp ?? '', options);
    if (this.session.status === 201) {
      await this.connection.setRemoteDescription({ type: 'answer', sdp: this.session.answer });
    }
    return this.session;
  }

  /** DELETE, as Stop does. */
  async leave(): Promise<number> {
    const response = await fetch(this.session?.location ?? '', { method: 'DELETE' });
    this.close();
    return response.status;
  }

  close(): void {
    this.connection.close();
  }
}

export class LibwebrtcPublisher extends LibwebrtcPeer {
  readonly #video = new wrtc.nonstandard.RTCVideoSource();
  readonly #audio = new wrtc.nonstandard.RTCAudioSource();
  readonly #timers: NodeJS.Timeout[] = [];
  readonly channels = new Map<string, RTCDataChannel>();
  #frames = 0;

  constructor(labels: readonly string[] = []) {
    super();
    for (const track of [this.#video.createTrack(), this.#audio.createTrack()]) {
      this.connection.addTransceiver(track, { direction: 'sendonly' });
    }
    for (const label of labels) this.channels.set(label, this.connection.createDataChannel(label));
  }

  async publish(endpoint: string, options: OpenOptions = {}): Promise<OpenResult> {
    const result = await this.negotiate(endpoint, options);
    if (result.status === 201) {
      this.#timers.push(
        setInterval(() => this.#sendFrame(), FRAME_MS),
        setInterval(() => this.#sendTone(), AUDIO_MS),
      );
    }
    return result;
  }

  /** Resolves when the channel is open. */
  async channel(label: string): Promise<RTCDataChannel> {
    const channel = this.channels.get(label);
    if (!channel) throw new Error(`no channel ${label}`);
    if (channel.readyState !== 'open') {
      await new Promise((resolve) => {
        channel.onopen = resolve;
      });
    }
    return channel;
  }

  /** As if the network were gone: no more media, and no word to the server. */
  override close(): void {
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
    super.close();
  }

  /** A grey that changes, with a few bright points, so that each frame differs. */
  #sendFrame(): void {
    this.#frames++;
    const data = new Uint8ClampedArray(WIDTH * HEIGHT * 1.5).fill((this.#frames * 3) % 255);
    for (let point = 0; point < 500; point++) data[(this.#frames * 997 + point * 131) % (WIDTH * HEIGHT)] = point % 255;
    this.#video.onFrame({ width: WIDTH, height: HEIGHT, data });
  }

  #sendTone(): void {
    const numberOfFrames = (SAMPLE_RATE * AUDIO_MS) / 1000;
    const samples = Int16Array.from({ length: numberOfFrames }, (_, at) => Math.sin(at / 7) * 8000);
    this.#audio.onData({ samples, sampleRate: SAMPLE_RATE, bitsPerSample: 16, channelCount: 1, numberOfFrames });
  }
}

export interface ReceivedMessage {
  readonly label: string;
  readonly data: string | ArrayBuffer;
}

export class LibwebrtcViewer extends LibwebrtcPeer {
  readonly messages: ReceivedMessage[] = [];
  /** What the server says on the control channel. */
  readonly notes: Record<string, unknown>[] = [];
  readonly labels: string[] = [];
  /** Decoded. */
  frames = 0;
  audioChunks = 0;
  firstFrameAtMs: number | undefined;
  readonly #sinks: Sink[] = [];

  /** @param bundlePolicy `max-bundle` gathers candidates for one transport only, which is quicker */
  constructor({
    data = true,
    bundlePolicy,
  }: { readonly data?: boolean; readonly bundlePolicy?: RTCBundlePolicy } = {}) {
    super(bundlePolicy ? { bundlePolicy } : {});
    this.connection.addTransceiver('video', { direction: 'recvonly' });
    this.connection.addTransceiver('audio', { direction: 'recvonly' });
    this.connection.ontrack = ({ track }) => this.#watch(track);
    if (!data) return;
    const control = this.connection.createDataChannel('fanlight');
    control.onmessage = (event) => this.notes.push(JSON.parse(String(event.data)) as Record<string, unknown>);
    this.connection.ondatachannel = ({ channel }) => {
      this.labels.push(channel.label);
      channel.binaryType = 'arraybuffer';
      channel.onmessage = (event: MessageEvent<string | ArrayBuffer>) =>
        this.messages.push({ label: channel.label, data: event.data });
    };
  }

  view(endpoint: string, options: OpenOptions = {}): Promise<OpenResult> {
    return this.negotiate(endpoint, options);
  }

  override close(): void {
    for (const sink of this.#sinks.splice(0)) sink.stop();
    super.close();
  }

  #watch(track: MediaStreamTrack): void {
    const sink =
      track.kind === 'video' ? new wrtc.nonstandard.RTCVideoSink(track) : new wrtc.nonstandard.RTCAudioSink(track);
    this.#sinks.push(sink);
    sink.onframe = () => {
      this.frames++;
      this.firstFrameAtMs ??= Date.now();
    };
    sink.ondata = ({ samples }) => {
      if (samples.some((sample) => sample !== 0)) this.audioChunks++;
    };
  }
}
