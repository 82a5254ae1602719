// An SDP offer as a value: what Fanlight needs to know of it, checked and bounded. Parsing is werift's;
// this file must not know sessions, sockets or what we answer.

import { SessionDescription } from 'werift';
import { FanlightError } from '../../errors.ts';
import type { Codec, CodecName, MediaKind } from '../../rtp/codec.ts';
import type { HeaderExtension } from '../../rtp/header-extension.ts';
import { type AttributeLines, attributeLines, readExtensions, readSimulcast } from './attributes.ts';

/** A codec with the payload type that the offer gave it. */
export interface OfferedCodec extends Codec {
  readonly payloadType: number;
  /** `a=fmtp` value as offered; an answer repeats it. */
  readonly fmtp: string | undefined;
  /** `a=rtcp-fb` values: `nack`, `nack pli`, `ccm fir`, … */
  readonly feedback: readonly string[];
}

export interface OfferedMedia {
  readonly kind: MediaKind;
  readonly mid: string;
  readonly direction: 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';
  /** Codecs that Fanlight relays, in the order of the offer; may be empty. */
  readonly codecs: readonly OfferedCodec[];
  /** Payload type of media → that of its retransmission (`a=fmtp:… apt=`, RFC 4588 §8.1). */
  readonly rtx: ReadonlyMap<number, number>;
  /** Header extensions that we know and whose packets go the way of the media → id, 1 to 14 (RFC 8285). */
  readonly extensions: ReadonlyMap<HeaderExtension, number>;
  /** Simulcast layers to send, in the order of `a=simulcast` (RFC 8853); empty without simulcast. */
  readonly rids: readonly string[];
  /** Media SSRCs named in the offer, without those of retransmission or FEC. */
  readonly ssrcs: readonly number[];
  readonly ssrcGroups: readonly SsrcGroup[];
}

/** `a=ssrc-group` (RFC 5576 §4.2): `FID` has media and its retransmission, `SIM` the layers of simulcast. */
export interface SsrcGroup {
  readonly semantics: string;
  readonly ssrcs: readonly number[];
}

/** One m= section in its place, also those that we reject. */
export interface OfferedSection {
  readonly mid: string | undefined;
  readonly kind: 'audio' | 'video' | 'application' | 'other';
  /** The first word of the m= line as offered. */
  readonly name: string;
  /** First two fields after the port, needed to write the rejection: protocol and formats. */
  readonly protocol: string;
  readonly formats: string;
  readonly rejected: boolean;
  readonly media: OfferedMedia | undefined;
  /** Only for `application`. */
  readonly sctpPort: number | undefined;
}

export interface Fingerprint {
  /** `sha-256` and so on, lower case. */
  readonly algorithm: string;
  /** Upper-case hex with colons. */
  readonly value: string;
}

export interface Offer {
  readonly sections: readonly OfferedSection[];
  /** mids in the BUNDLE group; empty when there is none. */
  readonly bundle: readonly string[];
  readonly ice: { readonly usernameFragment: string; readonly password: string };
  readonly fingerprints: readonly Fingerprint[];
  readonly setup: 'actpass' | 'active' | 'passive';
}

/** RFC 4566 §9, which a mid is (RFC 5888 §4): it goes into packets too, where a letter is a byte. */
const TOKEN = /^[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]+$/;
/** Limits before anything is built from an offer. */
const MAX_SECTIONS = 16;
const MAX_LINES = 2000;
const MAX_CODECS_PER_SECTION = 64;
/** Chrome has at most 3, OBS 4. */
const MAX_LAYERS = 8;
/** Firefox and Chrome have one, a certificate and its successor two. Each may cost a digest. */
const MAX_FINGERPRINTS = 8;
const CONTROL = /[\0\r]/;

const SETUP_BY_ROLE: ReadonlyMap<string, Offer['setup']> = new Map([
  ['auto', 'actpass'],
  ['client', 'active'],
  ['server', 'passive'],
]);

function malformed(detail: string, cause?: unknown): FanlightError {
  return new FanlightError('malformed_sdp', detail, { cause });
}

/**
 * Reads an SDP offer (RFC 8866, RFC 8829 §5.8). Candidates are dropped: an ICE-lite agent needs none, and
 * werift would open a multicast socket for a `.local` one.
 * @throws FanlightError malformed_sdp, unsupported_offer
 */
export function parseOffer(text: string): Offer {
  const lines = text.split(/\r?\n/).filter((line) => line !== '' && !/^a=(candidate:|end-of-candidates)/.test(line));
  if (!lines[0]?.startsWith('v=0')) throw malformed('It does not start with v=0.');
  // RFC 8866 §9, byte-string. What an answer repeats must not become a line of its own to a lenient reader.
  if (lines.some((line) => CONTROL.test(line))) throw malformed('A line has NUL or CR in it.');
  if (lines.length > MAX_LINES) throw malformed(`It has more than ${MAX_LINES} lines.`);
  const description = parseWithWerift(`${lines.join('\r\n')}\r\n`);
  if (description.media.length === 0) throw new FanlightError('unsupported_offer', 'The offer has no media.');
  if (description.media.length > MAX_SECTIONS) throw malformed(`It has more than ${MAX_SECTIONS} m= sections.`);

  const bundle = description.group.find((group) => group.semantic === 'BUNDLE')?.items ?? [];
  const attributes = attributeLines(lines);
  const sections = description.media.map((media, index) => readSection(media, attributes[index] ?? [], bundle));
  const mids = sections.flatMap((section) => section.mid ?? []);
  if (!mids.every((mid) => TOKEN.test(mid))) throw malformed('A mid is not a token.');
  if (new Set(mids).size !== mids.length) throw malformed('Two m= sections have the same mid.');
  if (sections.filter(({ mid, rejected }) => mid === undefined && !rejected).length > 1) {
    throw new FanlightError(
      'unsupported_offer',
      'More than one m= section has no mid; they must be in one BUNDLE group.',
    );
  }

  const first = description.media.find((media) => media.port !== 0) ?? description.media[0];
  const ice = first?.iceParams;
  if (!ice?.usernameFragment || !ice.password) throw malformed('ice-ufrag and ice-pwd are missing.');
  const dtls = first?.dtlsParams;
  const setup = SETUP_BY_ROLE.get(dtls?.role ?? '');
  if (!dtls || !setup) throw malformed('a=setup is missing.');
  if (dtls.fingerprints.length > MAX_FINGERPRINTS)
    throw malformed(`It has more than ${MAX_FINGERPRINTS} fingerprints.`);
  const fingerprints = dtls.fingerprints.flatMap(({ algorithm, value }) =>
    algorithm && value ? [{ algorithm: algorithm.toLowerCase(), value: value.toUpperCase() }] : [],
  );
  if (fingerprints.length === 0) throw malformed('a=fingerprint is missing.');
  return {
    sections,
    bundle,
    ice: { usernameFragment: ice.usernameFragment, password: ice.password },
    fingerprints,
    setup,
  };
}

function parseWithWerift(sdp: string): SessionDescription {
  try {
    return SessionDescription.parse(sdp);
  } catch (cause) {
    throw malformed('It cannot be parsed.', cause);
  }
}

type WeriftMedia = SessionDescription['media'][number];
type WeriftCodec = WeriftMedia['rtp']['codecs'][number];

const KINDS = new Set<string>(['audio', 'video', 'application']);

function readSection(media: WeriftMedia, attributes: AttributeLines, bundle: readonly string[]): OfferedSection {
  const isMedia = media.kind === 'audio' || media.kind === 'video';
  const kind = media.kind === 'unknown' || !KINDS.has(media.kind) ? 'other' : media.kind;
  const secure = isMedia ? /^(UDP\/TLS|RTP)\/(RTP\/)?SAVPF?$/.test(media.profile) : media.profile.includes('SCTP');
  // Port 0 is a stopped section, but `a=bundle-only` in the group (RFC 9143 §6).
  const stopped = media.port === 0 && !bundle.includes(media.rtp.muxId ?? '');
  return {
    mid: media.rtp.muxId,
    kind,
    name: media.kind,
    protocol: media.profile,
    formats: media.fmt.join(' '),
    rejected: kind === 'other' || !secure || stopped,
    media: isMedia ? readMedia(media, attributes, media.kind as MediaKind) : undefined,
    sctpPort: media.kind === 'application' ? readSctpPort(media.sctpPort) : undefined,
  };
}

function readSctpPort(port = 5000): number {
  if (!(port >= 1 && port <= 65_535)) throw malformed('a=sctp-port is not a port.');
  return port;
}

function readMedia(media: WeriftMedia, attributes: AttributeLines, kind: MediaKind): OfferedMedia {
  if (media.rtp.codecs.length > MAX_CODECS_PER_SECTION) throw malformed('An m= section has too many codecs.');
  const rids = readSimulcast(attributes);
  if (rids.length > MAX_LAYERS) throw malformed('An m= section has too many simulcast layers.');
  const ssrcGroups = media.ssrcGroup.map(({ semantic, items }) => ({
    semantics: semantic,
    ssrcs: items.map(Number).filter(isSsrc),
  }));
  // A group's first SSRC is the media, the others are its retransmission or FEC (RFC 5576 §4.2, RFC 5956).
  const secondary = new Set(
    ssrcGroups.filter(({ semantics }) => semantics !== 'SIM').flatMap(({ ssrcs }) => ssrcs.slice(1)),
  );
  const direction = media.direction ?? 'sendrecv';
  // The m= line has the order and the say; one rtpmap each.
  const formats = [...new Set<number | string>(media.fmt)].flatMap(
    (payloadType) => media.rtp.codecs.find((candidate) => candidate.payloadType === payloadType) ?? [],
  );
  return {
    kind,
    mid: media.rtp.muxId ?? '',
    direction,
    codecs: formats.flatMap((format) => readCodec(format, kind) ?? []),
    rtx: readRtx(formats),
    extensions: readExtensions(attributes, direction),
    rids,
    ssrcs: media.ssrc.map(({ ssrc }) => ssrc).filter((ssrc) => isSsrc(ssrc) && !secondary.has(ssrc)),
    ssrcGroups,
  };
}

function isSsrc(ssrc: number): boolean {
  return Number.isInteger(ssrc) && ssrc >= 0 && ssrc < 2 ** 32;
}

/** The first payload type for each media that has one (RFC 4588 §8.6 has one for each). */
function readRtx(formats: readonly WeriftCodec[]): ReadonlyMap<number, number> {
  const rtx = new Map<number, number>();
  for (const { mimeType, payloadType, parameters } of formats) {
    if (mimeType.split('/')[1]?.toLowerCase() !== 'rtx' || !isPayloadType(payloadType)) continue;
    const associated = Number.parseInt(parseParameters(parameters).apt ?? '', 10);
    if (isPayloadType(associated) && !rtx.has(associated)) rtx.set(associated, payloadType);
  }
  return rtx;
}

function isPayloadType(payloadType: number | undefined): payloadType is number {
  return payloadType !== undefined && Number.isInteger(payloadType) && payloadType >= 0 && payloadType <= 127;
}

const NAMES: ReadonlyMap<string, CodecName> = new Map([
  ['vp8', 'VP8'],
  ['vp9', 'VP9'],
  ['h264', 'H264'],
  ['av1', 'AV1'],
  ['opus', 'opus'],
]);

function readCodec(codec: WeriftCodec, kind: MediaKind): OfferedCodec | undefined {
  const name = NAMES.get(codec.mimeType.split('/')[1]?.toLowerCase() ?? '');
  const payloadType = codec.payloadType;
  if (!name || !isPayloadType(payloadType)) return undefined;
  if ((name === 'opus') !== (kind === 'audio')) return undefined;
  if (codec.clockRate !== (kind === 'audio' ? 48_000 : 90_000)) return undefined;
  return {
    kind,
    name,
    clockRate: codec.clockRate,
    ...(kind === 'audio' ? { channels: codec.channels ?? 2 } : {}),
    parameters: parseParameters(codec.parameters),
    payloadType,
    fmtp: codec.parameters,
    feedback: codec.rtcpFeedback.map(({ type, parameter }) => (parameter ? `${type} ${parameter}` : type)),
  };
}

function parseParameters(fmtp: string | undefined): Record<string, string> {
  const parameters: Record<string, string> = {};
  for (const part of fmtp?.split(';') ?? []) {
    const [key, value] = part.split('=', 2);
    if (key?.trim()) parameters[key.trim().toLowerCase()] = value?.trim() ?? '';
  }
  return parameters;
}
