// A codec as a value, and which offered codec can decode which source. Pure; knows no SDP text.

export type MediaKind = 'audio' | 'video';
export type CodecName = 'VP8' | 'VP9' | 'H264' | 'AV1' | 'opus';

/** Clock rates (Hz) of what Fanlight relays. */
export const CLOCK_RATE: Readonly<Record<MediaKind, number>> = { video: 90_000, audio: 48_000 };

export interface Codec {
  readonly kind: MediaKind;
  readonly name: CodecName;
  /** Hz: 90000 for video, 48000 for Opus. */
  readonly clockRate: number;
  /** Opus only. */
  readonly channels?: number;
  /** Format parameters (`a=fmtp`), keys in lower case. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** One medium of a broadcast as the API and the pages see it. */
export interface Track {
  readonly kind: MediaKind;
  readonly codec: Codec;
  /** Simulcast layers; 1 without simulcast. */
  readonly layers: number;
}

/**
 * H264 profiles in the order of what their decoders can do (RFC 6184 §8.1, profile-level-id):
 * a decoder of a later one decodes the earlier ones. Baseline counts as constrained baseline,
 * since no browser or encoder in the field uses what only plain baseline has.
 */
type H264Profile = 'baseline' | 'main' | 'high' | 'high 4:4:4';
const H264_RANK: Record<H264Profile, number> = { baseline: 0, main: 1, high: 2, 'high 4:4:4': 3 };

/** The profile in a `profile-level-id`; undefined for profiles that browsers do not use. Default is baseline. */
export function h264Profile(codec: Codec): H264Profile | undefined {
  const id = codec.parameters['profile-level-id'] ?? '42e01f';
  switch (id.slice(0, 2).toLowerCase()) {
    case '42':
      return 'baseline';
    case '4d':
      return 'main';
    case '64':
      return 'high';
    // High 4:4:4 Predictive: with it Chromium says that its software decoder takes everything; it names no plain high.
    case 'f4':
      return 'high 4:4:4';
    default:
      return undefined;
  }
}

/** H264 packetization mode (RFC 6184 §6.2), 0 when not said. */
function packetizationMode(codec: Codec): string {
  return codec.parameters['packetization-mode'] ?? '0';
}

/** VP9 profile (RFC 9628 §6), 0 when not said. */
function vp9Profile(codec: Codec): string {
  return codec.parameters['profile-id'] ?? '0';
}

/** AV1 profile (AV1 RTP payload format §7.2), 0 when not said. */
function av1Profile(codec: Codec): string {
  return codec.parameters.profile ?? '0';
}

/**
 * How well a receiver that offered `offered` decodes a source that sends `source`:
 * undefined = not at all, 0 = exactly this, higher = a more general decoder.
 */
export function decodeFitness(offered: Codec, source: Codec): number | undefined {
  if (offered.name !== source.name || offered.clockRate !== source.clockRate) return undefined;
  switch (source.name) {
    case 'H264': {
      const theirs = h264Profile(offered);
      const ours = h264Profile(source);
      if (!theirs || !ours) return undefined;
      const distance = H264_RANK[theirs] - H264_RANK[ours];
      if (distance < 0) return undefined;
      if (packetizationMode(offered) === packetizationMode(source)) return distance;
      // A receiver of mode 1 takes the single NAL units of mode 0 (RFC 6184 §5.4, table 3). Counts less than a profile.
      return packetizationMode(offered) === '1' && packetizationMode(source) === '0' ? distance + 0.5 : undefined;
    }
    case 'VP9':
      return vp9Profile(offered) === vp9Profile(source) ? 0 : undefined;
    case 'AV1':
      return av1Profile(offered) === av1Profile(source) ? 0 : undefined;
    default:
      return 0;
  }
}

/** The best of the offered codecs for this source, or undefined when the receiver cannot decode it. */
export function bestDecoder<T extends Codec>(offered: readonly T[], source: Codec): T | undefined {
  let best: { codec: T; fitness: number } | undefined;
  for (const codec of offered) {
    const fitness = decodeFitness(codec, source);
    if (fitness !== undefined && (best === undefined || fitness < best.fitness)) best = { codec, fitness };
  }
  return best?.codec;
}

/** For people: `H264 (high)`, `VP9`, `opus`. */
export function codecLabel(codec: Codec): string {
  return codec.name === 'H264' ? `H264 (${h264Profile(codec) ?? 'unknown profile'})` : codec.name;
}
