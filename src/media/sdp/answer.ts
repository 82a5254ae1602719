// Decides what we accept of an offer, and writes the answer. Pure: the same offer and identity give the same answer.
// It must not know sockets or sessions.

import { MAX_DATA_MESSAGE_BYTES } from '../../broadcast/ports.ts';
import { FanlightError } from '../../errors.ts';
import { bestDecoder, codecLabel, type MediaKind, type Track } from '../../rtp/codec.ts';
import { HEADER_EXTENSION_URI, type HeaderExtension } from '../../rtp/header-extension.ts';
import type { Offer, OfferedCodec, OfferedMedia, OfferedSection, SsrcGroup } from './offer.ts';

/** What we say of ourselves in an answer. */
export interface LocalIdentity {
  readonly iceUsernameFragment: string;
  readonly icePassword: string;
  /** `candidate:…` lines, best first. */
  readonly candidates: readonly string[];
  /** Of our DTLS certificate: upper-case hex with colons, SHA-256. */
  readonly fingerprint: string;
  /** Identifies the answer; digits only. */
  readonly sessionId: string;
}

/** An m= section that we take. */
export interface AcceptedMedia {
  readonly kind: MediaKind;
  readonly mid: string;
  /** In the order of the offer, never empty; `feedback` is what both sides do. */
  readonly codecs: readonly OfferedCodec[];
  /** Payload type of media → that of its retransmission (RFC 4588), where the media can be asked for again. */
  readonly rtxPayloadTypes: ReadonlyMap<number, number>;
  /** Header extensions that both sides use → id, 1 to 14. */
  readonly extensions: ReadonlyMap<HeaderExtension, number>;
  /** Simulcast layers that the publisher sends, as it names and orders them; else empty. */
  readonly rids: readonly string[];
  /** SSRCs that the offer named (publisher only): media without retransmission, and how they belong together. */
  readonly ssrcs: readonly number[];
  readonly ssrcGroups: readonly SsrcGroup[];
  /** Our SSRC (viewer only). */
  readonly localSsrc: number | undefined;
  /** Our SSRC for retransmission (viewer only): video whose offer has it. */
  readonly localRtxSsrc: number | undefined;
}

export interface Negotiation {
  readonly media: readonly AcceptedMedia[];
  /** mid of the data section and the peer's SCTP port. */
  readonly data: { readonly mid: string; readonly sctpPort: number } | undefined;
  /** Our side of DTLS: server, unless the peer insists on being it (`setup:passive`, FFmpeg). */
  readonly dtlsRole: 'server' | 'client';
}

/** What one side of us says yes to, of what it is offered. */
interface Ability {
  readonly feedback: readonly string[];
  readonly extensions: readonly HeaderExtension[];
}

const FROM_PUBLISHER: Ability = {
  feedback: ['nack', 'nack pli', 'ccm fir', 'transport-cc', 'goog-remb'],
  extensions: [
    ...(['mid', 'rid', 'repaired-rid', 'transport-wide'] as const),
    ...(['orientation', 'audio-level', 'capture-time', 'dependency-descriptor'] as const),
  ],
};

/** REMB and send times tell of a viewer's bandwidth; transport-wide feedback would cost a number per packet and viewer. */
const TO_VIEWER: Ability = {
  feedback: ['nack', 'nack pli', 'ccm fir', 'goog-remb'],
  extensions: ['mid', 'abs-send-time', 'orientation', 'audio-level', 'capture-time'],
};

/**
 * What we take of a publisher's offer: one section of each kind that it wants to send (RFC 9725 §4.4.1).
 * @throws FanlightError unsupported_offer, unsupported_codec
 */
export function negotiatePublisher(offer: Offer): Negotiation {
  const sending = usable(offer).filter(({ direction }) => direction === 'sendonly' || direction === 'sendrecv');
  if (sending.length === 0) throw new FanlightError('unsupported_offer', 'The offer has no media to send.');
  for (const kind of ['audio', 'video'] as const) {
    if (sending.filter((media) => media.kind === kind).length > 1) {
      throw new FanlightError('unsupported_offer', `The offer has more than one ${kind} section.`);
    }
  }
  return negotiate(offer, sending, FROM_PUBLISHER, undefined);
}

/**
 * What we take of a viewer's offer: the first section of each kind that it wants to receive.
 * @param required what the publisher sends now; a kind that the viewer asks for must be decodable
 * @throws FanlightError unsupported_offer, unsupported_codec
 */
export function negotiateViewer(offer: Offer, required: readonly Track[], newSsrc: () => number): Negotiation {
  const receiving = usable(offer).filter(({ direction }) => direction === 'recvonly' || direction === 'sendrecv');
  const first = receiving.filter((media, index) => receiving.findIndex(({ kind }) => kind === media.kind) === index);
  if (first.length === 0 && !offer.sections.some(isDataSection)) {
    throw new FanlightError('unsupported_offer', 'The offer has no media to receive.');
  }
  for (const media of first) {
    const track = required.find(({ kind }) => kind === media.kind);
    if (track && !bestDecoder(media.codecs, track.codec)) {
      throw new FanlightError(
        'unsupported_codec',
        `The publisher sends ${codecLabel(track.codec)}; the offer has ${names(media.codecs)}.`,
      );
    }
  }
  return negotiate(offer, first, TO_VIEWER, newSsrc);
}

function names(codecs: readonly OfferedCodec[]): string {
  return [...new Set(codecs.map(codecLabel))].join(', ') || 'none of VP8, VP9, H264, AV1, Opus';
}

function isDataSection(section: OfferedSection): boolean {
  return section.kind === 'application' && !section.rejected;
}

function usable(offer: Offer): OfferedMedia[] {
  return offer.sections.flatMap((section) => (section.media && !section.rejected ? [section.media] : []));
}

/** @param newSsrc makes our SSRCs toward a viewer; undefined toward a publisher */
function negotiate(
  offer: Offer,
  wanted: readonly OfferedMedia[],
  ability: Ability,
  newSsrc: (() => number) | undefined,
): Negotiation {
  const media = wanted.map((section): AcceptedMedia => {
    if (section.codecs.length === 0) {
      throw new FanlightError('unsupported_codec', `The ${section.kind} section has none of ${KNOWN[section.kind]}.`);
    }
    const extensions = new Map([...section.extensions].filter(([name]) => ability.extensions.includes(name)));
    const codecs = section.codecs.map((codec) => ({ ...codec, feedback: commonFeedback(codec, ability, extensions) }));
    const rtxPayloadTypes = new Map(
      codecs.flatMap(({ payloadType, feedback }) => {
        const rtx = feedback.includes('nack') ? section.rtx.get(payloadType) : undefined;
        return rtx === undefined ? [] : [[payloadType, rtx] as const];
      }),
    );
    return {
      kind: section.kind,
      mid: section.mid,
      codecs,
      rtxPayloadTypes,
      extensions,
      rids: newSsrc ? [] : section.rids,
      ssrcs: newSsrc ? [] : section.ssrcs,
      ssrcGroups: newSsrc ? [] : section.ssrcGroups,
      localSsrc: newSsrc?.(),
      localRtxSsrc: section.kind === 'video' && rtxPayloadTypes.size > 0 ? newSsrc?.() : undefined,
    };
  });
  const dataSection = offer.sections.find(isDataSection);
  const data = dataSection ? { mid: dataSection.mid ?? '', sctpPort: dataSection.sctpPort ?? 5000 } : undefined;
  const accepted = [...media.map(({ mid }) => mid), ...(data ? [data.mid] : [])];
  // One transport carries all (RFC 9143); sections outside the group would need one of their own.
  if (accepted.length > 1 && accepted.some((mid) => !offer.bundle.includes(mid))) {
    throw new FanlightError('unsupported_offer', 'All sections must be in one BUNDLE group.');
  }
  return { media, data, dtlsRole: offer.setup === 'passive' ? 'client' : 'server' };
}

/** One kind of congestion feedback is enough: an estimate (REMB) only where transport-wide feedback has no numbers. */
function commonFeedback(
  { feedback }: OfferedCodec,
  ability: Ability,
  extensions: ReadonlyMap<HeaderExtension, number>,
): string[] {
  const transportWide = feedback.includes('transport-cc') && extensions.has('transport-wide');
  const unused = transportWide ? 'goog-remb' : 'transport-cc';
  return feedback.filter((value) => value !== unused && ability.feedback.includes(value));
}

const KNOWN: Record<MediaKind, string> = { audio: 'Opus', video: 'VP8, VP9, H264, AV1' };

/** Writes the answer (RFC 8829 §5.3; RFC 9725 §4.4: all candidates, rtcp-mux-only, ice-lite at session level). */
export function writeAnswer(offer: Offer, negotiation: Negotiation, identity: LocalIdentity, role: AnswerRole): string {
  const accepted = new Set([...negotiation.media.map(({ mid }) => mid), negotiation.data?.mid]);
  const bundled = offer.sections.flatMap(({ mid }) => (mid !== undefined && accepted.has(mid) ? [mid] : []));
  const lines = [
    'v=0',
    `o=- ${identity.sessionId} 1 IN IP4 127.0.0.1`,
    's=-',
    't=0 0',
    ...(bundled.length > 0 ? [`a=group:BUNDLE ${bundled.join(' ')}`] : []),
    'a=ice-lite',
    'a=msid-semantic: WMS *',
  ];
  let candidates = identity.candidates;
  for (const section of offer.sections) {
    const offered = section.rejected ? undefined : section.media;
    const media = negotiation.media.find(({ mid }) => mid === offered?.mid);
    if (media) {
      lines.push(...writeMedia(section, media, role), ...writeTransport(identity, negotiation, candidates));
    } else if (isDataSection(section) && negotiation.data?.mid === (section.mid ?? '')) {
      lines.push(`m=application 9 ${section.protocol} webrtc-datachannel`, 'c=IN IP4 0.0.0.0');
      if (section.mid) lines.push(`a=mid:${section.mid}`);
      lines.push('a=sctp-port:5000', `a=max-message-size:${MAX_DATA_MESSAGE_BYTES}`);
      lines.push(...writeTransport(identity, negotiation, candidates));
    } else {
      lines.push(...writeRejected(section));
      continue;
    }
    // Candidates stand in the first section of the group only (RFC 9143 §7.1.3); FFmpeg reads at most 8 KiB of answer.
    candidates = [];
  }
  return `${lines.join('\r\n')}\r\n`;
}

export interface AnswerRole {
  readonly direction: 'recvonly' | 'sendonly';
  /** Name of the MediaStream that the viewer's tracks belong to. */
  readonly msid: string;
  readonly cname: string;
}

function writeMedia(section: OfferedSection, media: AcceptedMedia, role: AnswerRole): string[] {
  const payloadTypes = media.codecs.flatMap(({ payloadType }) => [
    payloadType,
    ...[media.rtxPayloadTypes.get(payloadType)].filter((rtx) => rtx !== undefined),
  ]);
  const lines = [
    `m=${media.kind} 9 ${section.protocol} ${payloadTypes.join(' ')}`,
    'c=IN IP4 0.0.0.0',
    'a=rtcp:9 IN IP4 0.0.0.0',
  ];
  if (section.mid !== undefined) lines.push(`a=mid:${section.mid}`);
  lines.push(`a=${role.direction}`, 'a=rtcp-mux', 'a=rtcp-mux-only', 'a=rtcp-rsize');
  for (const [name, id] of media.extensions) lines.push(`a=extmap:${id} ${HEADER_EXTENSION_URI[name]}`);
  for (const codec of media.codecs) {
    const channels = codec.channels ? `/${codec.channels}` : '';
    lines.push(`a=rtpmap:${codec.payloadType} ${codec.name}/${codec.clockRate}${channels}`);
    if (codec.fmtp) lines.push(`a=fmtp:${codec.payloadType} ${codec.fmtp}`);
    for (const value of codec.feedback) lines.push(`a=rtcp-fb:${codec.payloadType} ${value}`);
    const rtx = media.rtxPayloadTypes.get(codec.payloadType);
    if (rtx !== undefined)
      lines.push(`a=rtpmap:${rtx} rtx/${codec.clockRate}`, `a=fmtp:${rtx} apt=${codec.payloadType}`);
  }
  // Exactly the offered layers: OBS takes no fewer (RFC 8853 §5.3.2).
  for (const rid of media.rids) lines.push(`a=rid:${rid} recv`);
  if (media.rids.length > 0) lines.push(`a=simulcast:recv ${media.rids.join(';')}`);
  if (media.localSsrc !== undefined) lines.push(...writeSource(media.localSsrc, media, role));
  return lines;
}

/** Our SSRCs, and which repeats which (RFC 5576; FID: RFC 4588 §8.3). */
function writeSource(ssrc: number, { kind, localRtxSsrc }: AcceptedMedia, role: AnswerRole): string[] {
  const msid = `msid:${role.msid} ${kind}`;
  const ssrcs = localRtxSsrc === undefined ? [ssrc] : [ssrc, localRtxSsrc];
  return [
    `a=${msid}`,
    ...(ssrcs.length > 1 ? [`a=ssrc-group:FID ${ssrcs.join(' ')}`] : []),
    ...ssrcs.flatMap((each) => [`a=ssrc:${each} cname:${role.cname}`, `a=ssrc:${each} ${msid}`]),
  ];
}

function writeTransport(identity: LocalIdentity, { dtlsRole }: Negotiation, candidates: readonly string[]): string[] {
  return [
    `a=ice-ufrag:${identity.iceUsernameFragment}`,
    `a=ice-pwd:${identity.icePassword}`,
    `a=fingerprint:sha-256 ${identity.fingerprint}`,
    `a=setup:${dtlsRole === 'server' ? 'passive' : 'active'}`,
    ...candidates.map((candidate) => `a=${candidate}`),
    ...(candidates.length > 0 ? ['a=end-of-candidates'] : []),
  ];
}

/** RFC 3264 §6: a rejected section keeps its place with port 0. */
function writeRejected(section: OfferedSection): string[] {
  const lines = [`m=${section.name} 0 ${section.protocol} ${section.formats}`, 'c=IN IP4 0.0.0.0', 'a=inactive'];
  if (section.mid !== undefined) lines.push(`a=mid:${section.mid}`);
  return lines;
}
