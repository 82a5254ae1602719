// Decides what we accept of an offer, and writes the answer. Pure: the same offer and identity give the same answer.
// It must not know sockets or sessions.

import { MAX_DATA_MESSAGE_BYTES } from '../../broadcast/ports.ts';
import { FanlightError } from '../../errors.ts';
import { bestDecoder, codecLabel, type MediaKind, type Track } from '../../rtp/codec.ts';
import type { Offer, OfferedCodec, OfferedMedia, OfferedSection } from './offer.ts';

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
  /** In the order of the offer, never empty. */
  readonly codecs: readonly OfferedCodec[];
  /** Id of the MID header extension toward us (publisher only). */
  readonly midExtensionId: number | undefined;
  /** Our SSRC (viewer only). */
  readonly localSsrc: number | undefined;
}

export interface Negotiation {
  readonly media: readonly AcceptedMedia[];
  /** mid of the data section and the peer's SCTP port. */
  readonly data: { readonly mid: string; readonly sctpPort: number } | undefined;
  /** Our side of DTLS: server, unless the peer insists on being it (`setup:passive`, FFmpeg). */
  readonly dtlsRole: 'server' | 'client';
}

const MID_EXTENSION = 'urn:ietf:params:rtp-hdrext:sdes:mid';
const FEEDBACK_FROM_PUBLISHER = ['nack', 'nack pli', 'ccm fir', 'goog-remb'];
const FEEDBACK_FROM_VIEWER = ['nack', 'nack pli', 'ccm fir'];

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
  return negotiate(offer, sending, () => undefined);
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
  return negotiate(offer, first, newSsrc);
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

function negotiate(offer: Offer, wanted: readonly OfferedMedia[], localSsrc: () => number | undefined): Negotiation {
  const media = wanted.map((section): AcceptedMedia => {
    if (section.codecs.length === 0) {
      throw new FanlightError('unsupported_codec', `The ${section.kind} section has none of ${KNOWN[section.kind]}.`);
    }
    return {
      kind: section.kind,
      mid: section.mid,
      codecs: section.codecs,
      midExtensionId: section.extensions.get(MID_EXTENSION),
      localSsrc: localSsrc(),
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
  const lines = [
    `m=${media.kind} 9 ${section.protocol} ${media.codecs.map(({ payloadType }) => payloadType).join(' ')}`,
    'c=IN IP4 0.0.0.0',
    'a=rtcp:9 IN IP4 0.0.0.0',
  ];
  if (section.mid !== undefined) lines.push(`a=mid:${section.mid}`);
  lines.push(`a=${role.direction}`, 'a=rtcp-mux', 'a=rtcp-mux-only', 'a=rtcp-rsize');
  const publishing = role.direction === 'recvonly';
  if (publishing && media.midExtensionId !== undefined) lines.push(`a=extmap:${media.midExtensionId} ${MID_EXTENSION}`);
  const feedback = publishing ? FEEDBACK_FROM_PUBLISHER : FEEDBACK_FROM_VIEWER;
  for (const codec of media.codecs) {
    const channels = codec.channels ? `/${codec.channels}` : '';
    lines.push(`a=rtpmap:${codec.payloadType} ${codec.name}/${codec.clockRate}${channels}`);
    if (codec.fmtp) lines.push(`a=fmtp:${codec.payloadType} ${codec.fmtp}`);
    for (const value of codec.feedback) {
      if (feedback.includes(value)) lines.push(`a=rtcp-fb:${codec.payloadType} ${value}`);
    }
  }
  if (media.localSsrc !== undefined) {
    lines.push(`a=msid:${role.msid} ${media.kind}`, `a=ssrc:${media.localSsrc} cname:${role.cname}`);
    lines.push(`a=ssrc:${media.localSsrc} msid:${role.msid} ${media.kind}`);
  }
  return lines;
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
