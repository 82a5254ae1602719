import { createRequire } from 'node:module';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { type ErrorCode, FanlightError } from '../../errors.ts';
import type { Codec, Track } from '../../rtp/codec.ts';
import {
  CHROME_PUBLISHER,
  CHROME_VIEWER,
  FFMPEG_PUBLISHER,
  FIREFOX_PUBLISHER,
  GSTREAMER_PUBLISHER,
  OBS_PUBLISHER,
  OBS_SIMULCAST,
  PUBLISHERS,
  SAFARI_VIEWER,
  sdp,
  VIEWERS,
} from '../../test/sample-offers.ts';
import { type AnswerRole, negotiatePublisher, negotiateViewer, writeAnswer } from './answer.ts';
import { parseOffer } from './offer.ts';

const require = createRequire(import.meta.url);
const libwebrtc = require('@roamhq/wrtc') as { RTCPeerConnection: typeof RTCPeerConnection };
const libdatachannel = require('node-datachannel') as typeof import('node-datachannel');

const IDENTITY = {
  iceUsernameFragment: 'b+3/ufrag1',
  icePassword: 'b+3/password-with-at-least-22',
  candidates: [
    'candidate:1 1 udp 2130706431 192.0.2.5 8189 typ host',
    'candidate:2 1 udp 2130706175 2001:db8::5 8189 typ host',
  ],
  fingerprint: Array.from({ length: 32 }, (_, index) => (index + 16).toString(16).toUpperCase()).join(':'),
  sessionId: '123456789',
};
const PUBLISHING: AnswerRole = { direction: 'recvonly', msid: 'fanlight-test', cname: 'cname' };
const VIEWING: AnswerRole = { direction: 'sendonly', msid: 'fanlight-test', cname: 'cname' };

let nextSsrc = 1000;
const newSsrc = (): number => nextSsrc++;

function answerPublisher(text: string): string {
  const offer = parseOffer(text);
  return writeAnswer(offer, negotiatePublisher(offer), IDENTITY, PUBLISHING);
}

function answerViewer(text: string, required: readonly Track[] = []): string {
  const offer = parseOffer(text);
  return writeAnswer(offer, negotiateViewer(offer, required, newSsrc), IDENTITY, VIEWING);
}

/** Lines of the session, then of each m= section. */
function parts(answer: string): string[][] {
  const sections: string[][] = [[]];
  for (const line of answer.split('\r\n').filter(Boolean)) {
    if (line.startsWith('m=')) sections.push([]);
    sections.at(-1)?.push(line);
  }
  return sections;
}

const everyAnswer: [string, readonly string[], string][] = [
  ...Object.entries(PUBLISHERS).map(([name, lines]): [string, readonly string[], string] => [
    `${name} publishing`,
    lines,
    answerPublisher(sdp(lines)),
  ]),
  ...Object.entries(VIEWERS).map(([name, lines]): [string, readonly string[], string] => [
    `${name} viewing`,
    lines,
    answerViewer(sdp(lines)),
  ]),
];

function track(name: Codec['name'], parameters: Record<string, string> = {}): Track {
  const kind = name === 'opus' ? 'audio' : 'video';
  return { kind, layers: 1, codec: { kind, name, clockRate: kind === 'audio' ? 48_000 : 90_000, parameters } };
}

function codeOf(action: () => unknown): ErrorCode | undefined {
  try {
    action();
  } catch (error) {
    if (error instanceof FanlightError) return error.code;
    throw error;
  }
  return undefined;
}

describe.each(everyAnswer)('the answer to %s', (_name, offered, answer) => {
  const [session = [], ...sections] = parts(answer);
  const accepted = sections.filter(([line]) => line?.split(' ')[1] !== '0');

  it('is CRLF text from v=0 to its end, and small enough for FFmpeg', () => {
    expect(answer).toMatch(/^v=0\r\no=- \d+ 1 IN IP4 127\.0\.0\.1\r\n/);
    expect(answer.endsWith('\r\n')).toBe(true);
    expect(answer.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
    expect(answer.length).toBeLessThan(8192);
  });

  it('says ice-lite and BUNDLE in the session', () => {
    expect(session).toContain('a=ice-lite');
    const mids = accepted.map((lines) => lines.find((line) => line.startsWith('a=mid:'))?.slice(6));
    expect(session).toContain(`a=group:BUNDLE ${mids.join(' ')}`);
    expect(sections.flat().filter((line) => line === 'a=ice-lite')).toEqual([]);
  });

  it('has the sections of the offer in their order', () => {
    const kinds = (lines: readonly string[]) =>
      lines.filter((line) => line.startsWith('m=')).map((line) => line.split(' ')[0]);
    expect(kinds(sections.flat())).toEqual(kinds(offered));
  });

  it('has all candidates and their end in the first section, and in no other', () => {
    const candidates = (lines: readonly string[] = []) =>
      lines.filter((line) => /^a=(candidate|end-of-candidates)/.test(line));
    expect(candidates(accepted[0])).toEqual([...IDENTITY.candidates.map((line) => `a=${line}`), 'a=end-of-candidates']);
    expect(candidates(accepted.slice(1).flat())).toEqual([]);
    expect(candidates(session)).toEqual([]);
  });

  it('has credentials, fingerprint and role in each section', () => {
    const active = offered.includes('a=setup:passive');
    for (const lines of accepted) {
      expect(lines).toContain(`a=ice-ufrag:${IDENTITY.iceUsernameFragment}`);
      expect(lines).toContain(`a=ice-pwd:${IDENTITY.icePassword}`);
      expect(lines).toContain(`a=fingerprint:sha-256 ${IDENTITY.fingerprint}`);
      expect(lines).toContain(`a=setup:${active ? 'active' : 'passive'}`);
    }
  });

  it('wants RTCP on the same port, and in any size', () => {
    for (const lines of accepted.filter(([line]) => !line?.startsWith('m=application'))) {
      expect(lines).toEqual(expect.arrayContaining(['a=rtcp-mux', 'a=rtcp-mux-only', 'a=rtcp-rsize']));
    }
  });

  it('leaves out what Fanlight does not do', () => {
    expect(answer).not.toMatch(/rtpmap:\d+ (red|ulpfec|flexfec|G722|PCM|CN|telephone)/i);
    expect(answer).not.toMatch(/FEC|toffset|playout-delay/);
    if (answer.includes('a=sendonly')) expect(answer).not.toMatch(/transport-(cc|wide)/);
  });

  it('has retransmission only of what it takes, and named in the m= line', () => {
    for (const lines of sections) {
      const formats = lines[0]?.split(' ').slice(3) ?? [];
      for (const line of lines.filter((each) => each.includes('apt='))) {
        const [, rtx = '', media = ''] = line.match(/^a=fmtp:(\d+) apt=(\d+)$/) ?? [];
        expect(formats.indexOf(rtx)).toBe(formats.indexOf(media) + 1);
        expect(lines).toContain(`a=rtcp-fb:${media} nack`);
      }
    }
  });

  it('can be read by libwebrtc', async () => {
    const connection = openLibwebrtc();
    // This build of it has no H264, and wants one codec that it knows.
    const readable = answer.includes('VP8') ? answer : answer.replace('H264', 'VP8');
    await connection.setRemoteDescription({ type: 'offer', sdp: readable });
    expect(connection.remoteDescription?.sdp.match(/^m=/gm)).toHaveLength(sections.length);
  });

  it('can be read by libdatachannel', () => {
    const connection = openLibdatachannel();
    connection.setRemoteDescription(answer, 'offer');
    expect(connection.remoteDescription()?.sdp).toContain(IDENTITY.iceUsernameFragment);
  });
});

const webrtcConnections: RTCPeerConnection[] = [];
const datachannelConnections: import('node-datachannel').PeerConnection[] = [];
const kept: unknown[] = [];

function openLibwebrtc(): RTCPeerConnection {
  const connection = new libwebrtc.RTCPeerConnection({ iceServers: [] });
  webrtcConnections.push(connection);
  return connection;
}

function openLibdatachannel(): import('node-datachannel').PeerConnection {
  const connection = new libdatachannel.PeerConnection('test', { iceServers: [], disableAutoNegotiation: true });
  datachannelConnections.push(connection);
  kept.push(connection);
  return connection;
}

afterEach(() => {
  for (const connection of webrtcConnections.splice(0)) connection.close();
});

afterAll(() => {
  for (const connection of datachannelConnections.splice(0)) connection.close();
});

describe('the answer to an offer that a real stack just made', () => {
  it('is accepted by libwebrtc as viewer and as publisher', async () => {
    for (const direction of ['recvonly', 'sendonly'] as const) {
      const connection = openLibwebrtc();
      connection.addTransceiver('audio', { direction });
      connection.addTransceiver('video', { direction });
      connection.createDataChannel('chat');
      await connection.setLocalDescription(await connection.createOffer());
      const offer = connection.localDescription?.sdp ?? '';
      const answer = direction === 'recvonly' ? answerViewer(offer) : answerPublisher(offer);
      await connection.setRemoteDescription({ type: 'answer', sdp: answer });
      expect(connection.signalingState).toBe('stable');
      expect(connection.getTransceivers().map(({ currentDirection }) => currentDirection)).toEqual([
        direction,
        direction,
      ]);
    }
  });

  it('is accepted by libdatachannel as publisher', () => {
    const connection = openLibdatachannel();
    const video = new libdatachannel.Video('1', 'SendOnly');
    video.addH264Codec(96);
    const audio = new libdatachannel.Audio('0', 'SendOnly');
    audio.addOpusCodec(111);
    kept.push(video, audio, connection.addTrack(audio), connection.addTrack(video));
    kept.push(connection.createDataChannel('chat'));
    connection.setLocalDescription('offer');
    connection.setRemoteDescription(answerPublisher(connection.localDescription()?.sdp ?? ''), 'answer');
    expect(connection.signalingState()).toBe('stable');
  });
});

describe('an answer', () => {
  it('repeats the header extensions that we use, by their ids', () => {
    const extensions = (answer: string, section: number) =>
      parts(answer)
        [section]?.filter((line) => line.startsWith('a=extmap'))
        .map((line) => line.replace(/ \S*[:/]/, ' '));
    expect(extensions(answerPublisher(sdp(CHROME_PUBLISHER)), 2)).toEqual([
      'a=extmap:3 video-orientation',
      'a=extmap:4 draft-holmer-rmcat-transport-wide-cc-extensions-01',
      'a=extmap:9 mid',
      'a=extmap:10 rtp-stream-id',
    ]);
    expect(extensions(answerViewer(sdp(CHROME_VIEWER)), 2)).toEqual([
      'a=extmap:2 abs-send-time',
      'a=extmap:3 video-orientation',
      'a=extmap:9 mid',
    ]);
    expect(answerPublisher(sdp(FFMPEG_PUBLISHER))).not.toContain('extmap');
  });

  it('has retransmission for video that can be asked for again', () => {
    const rtx = (answer: string) => answer.match(/apt=\d+/g);
    expect(rtx(answerPublisher(sdp(CHROME_PUBLISHER)))).toEqual(['apt=96', 'apt=102']);
    expect(rtx(answerPublisher(sdp(GSTREAMER_PUBLISHER)))).toEqual(['apt=96']);
    const deaf = CHROME_PUBLISHER.filter((line) => line !== 'a=rtcp-fb:96 nack');
    expect(rtx(answerPublisher(sdp(deaf)))).toEqual(['apt=102']);
  });

  it('asks for exactly the layers that a publisher offers, in its order', () => {
    const answer = answerPublisher(sdp(OBS_SIMULCAST));
    expect(answer.match(/^a=(rid|simulcast).*(?=\r$)/gm)).toEqual([
      'a=rid:0 recv',
      'a=rid:1 recv',
      'a=rid:2 recv',
      'a=simulcast:recv 0;1;2',
    ]);
    expect(answerPublisher(sdp(OBS_PUBLISHER))).not.toMatch(/rid:|simulcast/);
  });

  it('stays small enough for all the codecs that Chromium has', () => {
    const types = Array.from({ length: 24 }, (_, index) => 35 + 2 * index);
    const many = types.flatMap((type) => [
      `a=rtpmap:${type} H264/90000`,
      ...['goog-remb', 'transport-cc', 'ccm fir', 'nack', 'nack pli'].map((value) => `a=rtcp-fb:${type} ${value}`),
      `a=fmtp:${type} level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f`,
      `a=rtpmap:${type + 1} rtx/90000`,
      `a=fmtp:${type + 1} apt=${type}`,
    ]);
    const lines = CHROME_PUBLISHER.flatMap((line) => {
      if (line.startsWith('m=video'))
        return `m=video 9 UDP/TLS/RTP/SAVPF ${types.map((type) => `${type} ${type + 1}`).join(' ')}`;
      return /^a=(rtpmap|fmtp|rtcp-fb):(?!111|63|9 |0 |8 |13 |110)/.test(line) ? [] : line;
    });
    lines.splice(
      lines.indexOf(
        'a=sendonly',
        lines.findIndex((line) => line.startsWith('m=video')),
      ),
      0,
      ...many,
    );
    const answer = answerPublisher(sdp(lines));
    expect(answer.match(/apt=/g)).toHaveLength(24);
    expect(answer.length).toBeLessThan(8192);
  });

  it('repeats the codecs with their numbers, parameters and the feedback that we give', () => {
    const [, , video = []] = parts(answerPublisher(sdp(OBS_PUBLISHER)));
    expect(video.slice(0, 1)).toEqual(['m=video 9 UDP/TLS/RTP/SAVPF 96']);
    expect(video.filter((line) => / ?96/.test(line)).slice(1)).toEqual([
      'a=rtpmap:96 H264/90000',
      'a=fmtp:96 profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1',
      'a=rtcp-fb:96 nack',
      'a=rtcp-fb:96 nack pli',
      'a=rtcp-fb:96 goog-remb',
    ]);
  });

  it('keeps all codecs of a viewer that we may use later, in its order', () => {
    const [, , video] = parts(answerViewer(sdp(CHROME_VIEWER)));
    expect(video?.[0]).toBe('m=video 9 UDP/TLS/RTP/SAVPF 96 97 102 103 104 106 39 45 98 100 112');
    const [, safari] = parts(answerViewer(sdp(SAFARI_VIEWER)));
    expect(safari?.[0]).toBe('m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99 100 101');
  });

  it('has transport-wide feedback of a publisher, and estimates of a viewer', () => {
    const feedback = (answer: string) => answer.match(/(?<=^a=rtcp-fb:96 ).*(?=\r$)/gm);
    expect(feedback(answerPublisher(sdp(CHROME_PUBLISHER)))).toEqual(['transport-cc', 'ccm fir', 'nack', 'nack pli']);
    const unnumbered = CHROME_PUBLISHER.filter((line) => !line.includes('transport-wide'));
    expect(feedback(answerPublisher(sdp(unnumbered)))).toEqual(['goog-remb', 'ccm fir', 'nack', 'nack pli']);
    expect(feedback(answerViewer(sdp(CHROME_VIEWER)))).toEqual(['goog-remb', 'ccm fir', 'nack', 'nack pli']);
  });

  it('names our streams to a viewer, and none to a publisher', () => {
    const answer = answerViewer(sdp(CHROME_VIEWER));
    const ssrcs = [...answer.matchAll(/^a=ssrc:(\d+) cname:cname\r$/gm)].map(([, ssrc]) => ssrc);
    expect(new Set(ssrcs).size).toBe(3);
    expect(answer.match(/(?<=ssrc-group:FID ).*(?=\r$)/gm)).toEqual([ssrcs.slice(1).join(' ')]);
    expect(answer.match(/^a=msid:.*/gm)?.map((line) => line.trim())).toEqual([
      'a=msid:fanlight-test audio',
      'a=msid:fanlight-test video',
    ]);
    expect(answerPublisher(sdp(CHROME_PUBLISHER))).not.toMatch(/a=(ssrc|msid):/);
  });

  it('is sendonly to a viewer and recvonly to a publisher', () => {
    expect(answerViewer(sdp(CHROME_VIEWER)).match(/^a=(send|recv)\w+/gm)).toEqual(['a=sendonly', 'a=sendonly']);
    expect(answerPublisher(sdp(CHROME_PUBLISHER)).match(/^a=(send|recv)\w+/gm)).toEqual(['a=recvonly', 'a=recvonly']);
  });

  it('opens the data section with our limits', () => {
    const data = parts(answerPublisher(sdp(CHROME_PUBLISHER)))[3];
    expect(data?.slice(0, 5)).toEqual([
      'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
      'c=IN IP4 0.0.0.0',
      'a=mid:2',
      'a=sctp-port:5000',
      'a=max-message-size:65536',
    ]);
  });

  it('is the same for the same offer', () => {
    expect(answerPublisher(sdp(FIREFOX_PUBLISHER))).toBe(answerPublisher(sdp(FIREFOX_PUBLISHER, '\n')));
  });

  it('is passive to a peer that is active', () => {
    const offer = sdp(OBS_PUBLISHER.map((line) => line.replace('setup:actpass', 'setup:active')));
    expect(negotiatePublisher(parseOffer(offer)).dtlsRole).toBe('server');
    expect(answerPublisher(offer)).toContain('a=setup:passive');
  });
});

describe('sections that we do not take', () => {
  const mLines = (answer: string) => answer.match(/^m=.*(?=\r)/gm);
  const OTHER = ['m=image 9 TCP/IMAGE 7 8', 'a=mid:9'];
  const firstMedia = (lines: readonly string[]) => lines.findIndex((line) => line.startsWith('m='));

  it('keep their place with port 0, and the candidates stand in the first that we take', () => {
    const lines = OBS_PUBLISHER.toSpliced(firstMedia(OBS_PUBLISHER), 0, ...OTHER);
    const answer = answerPublisher(sdp(lines));
    expect(mLines(answer)).toEqual([
      'm=image 0 TCP/IMAGE 7 8',
      'm=audio 9 UDP/TLS/RTP/SAVPF 111',
      'm=video 9 UDP/TLS/RTP/SAVPF 96',
    ]);
    const [session, image, audio] = parts(answer);
    expect(session).toContain('a=group:BUNDLE 0 1');
    expect(image).toEqual(['m=image 0 TCP/IMAGE 7 8', 'c=IN IP4 0.0.0.0', 'a=inactive', 'a=mid:9']);
    expect(audio).toContain('a=end-of-candidates');
  });

  it('are those that a publisher does not send on', () => {
    const lines = CHROME_PUBLISHER.map((line, index) => (line === 'a=sendonly' && index < 40 ? 'a=inactive' : line));
    const answer = answerPublisher(sdp(lines));
    expect(mLines(answer)?.map((line) => line.split(' ')[1])).toEqual(['0', '9', '9']);
    expect(answer).toContain('a=group:BUNDLE 1 2\r\n');
  });

  it('are the second and later of a kind for a viewer', () => {
    const second = ['m=video 9 UDP/TLS/RTP/SAVPF 96', 'a=mid:8', 'a=recvonly', 'a=rtpmap:96 VP8/90000'];
    const lines = [...CHROME_VIEWER.map((line) => line.replace('BUNDLE 0 1 2', 'BUNDLE 0 1 2 8')), ...second];
    expect(mLines(answerViewer(sdp(lines)))?.map((line) => line.split(' ')[1])).toEqual(['9', '9', '9', '0']);
  });

  it('are a stopped data section that is not in the group any more, which refuses nothing else', () => {
    const lines = CHROME_PUBLISHER.map((line) =>
      line.replace('BUNDLE 0 1 2', 'BUNDLE 0 1').replace('m=application 9', 'm=application 0'),
    );
    const offer = parseOffer(sdp(lines));
    expect(negotiatePublisher(offer).data).toBeUndefined();
    expect(mLines(answerPublisher(sdp(lines)))?.at(-1)).toBe('m=application 0 UDP/DTLS/SCTP webrtc-datachannel');
  });

  it('are never mistaken for one without mid that we take', () => {
    const lines = [
      ...OBS_PUBLISHER.filter((line) => !/^a=(mid|group)/.test(line)).slice(0, -12),
      'm=video 9 RTP/AVP 96',
      'a=sendonly',
      'a=rtpmap:96 H264/90000',
    ];
    expect(mLines(answerPublisher(sdp(lines)))).toEqual(['m=audio 9 UDP/TLS/RTP/SAVPF 111', 'm=video 0 RTP/AVP 96']);
  });
});

describe('a viewer without media', () => {
  it('may come for data alone, also without mid and group', () => {
    const at = CHROME_VIEWER.findIndex((line) => line.startsWith('m=application'));
    const session = CHROME_VIEWER.slice(
      0,
      CHROME_VIEWER.findIndex((line) => line.startsWith('m=')),
    );
    const lines = [...session, ...CHROME_VIEWER.slice(at)];
    expect(answerViewer(sdp(lines))).toContain('m=application 9 ');
    const bare = lines.filter((line) => !/^a=(mid|group)/.test(line));
    expect(answerViewer(sdp(bare))).toContain('m=application 9 ');
  });

  it('or data is refused', () => {
    expect(codeOf(() => answerViewer(sdp(OBS_PUBLISHER)))).toBe('unsupported_offer');
  });
});

describe('a publisher is refused', () => {
  const only = (name: string) =>
    OBS_PUBLISHER.map((line) => line.replace('a=rtpmap:96 H264/90000', `a=rtpmap:96 ${name}/90000`));

  it.each<[string, readonly string[], ErrorCode]>([
    ['without media to send', CHROME_VIEWER, 'unsupported_offer'],
    [
      'with two video sections',
      [
        ...OBS_PUBLISHER.map((line) => line.replace('BUNDLE 0 1', 'BUNDLE 0 1 5')),
        ...['m=video 9 UDP/TLS/RTP/SAVPF 96', 'a=mid:5', 'a=sendonly', 'a=rtpmap:96 VP8/90000'],
      ],
      'unsupported_offer',
    ],
    ['with video that we do not know', only('H265'), 'unsupported_codec'],
    [
      'with audio that we do not know',
      OBS_PUBLISHER.map((line) => line.replace('opus/48000/2', 'PCMU/8000')),
      'unsupported_codec',
    ],
    ['without BUNDLE', OBS_PUBLISHER.filter((line) => !line.startsWith('a=group:BUNDLE')), 'unsupported_offer'],
    [
      'with a section outside the group',
      OBS_PUBLISHER.map((line) => line.replace('BUNDLE 0 1', 'BUNDLE 0')),
      'unsupported_offer',
    ],
    [
      'with plain RTP only',
      OBS_PUBLISHER.map((line) => line.replace('UDP/TLS/RTP/SAVPF', 'RTP/AVPF')),
      'unsupported_offer',
    ],
  ])('%s', (_name, lines, code) => {
    expect(codeOf(() => answerPublisher(sdp(lines)))).toBe(code);
  });

  it('not for sending on one section only, or on sendrecv', () => {
    expect(codeOf(() => answerPublisher(sdp(GSTREAMER_PUBLISHER)))).toBeUndefined();
    const lines = OBS_PUBLISHER.map((line) => line.replace('a=sendonly', 'a=sendrecv'));
    expect(codeOf(() => answerPublisher(sdp(lines)))).toBeUndefined();
    const audio = OBS_PUBLISHER.slice(
      0,
      OBS_PUBLISHER.findIndex((line) => line.startsWith('m=video')),
    );
    expect(codeOf(() => answerPublisher(sdp(audio)))).toBeUndefined();
  });
});

describe('a viewer of', () => {
  const profile = (id: string, mode = '1') => ({ 'profile-level-id': id, 'packetization-mode': mode });
  /** Chrome with these video codecs only. */
  const withVideo = (...codecs: [string, string?][]) => {
    const video = CHROME_VIEWER.findIndex((line) => line.startsWith('m=video'));
    const data = CHROME_VIEWER.findIndex((line) => line.startsWith('m=application'));
    const kept = CHROME_VIEWER.slice(video + 1, data).filter((line) => !/^a=(rtpmap|fmtp|rtcp-fb)/.test(line));
    return sdp([
      ...CHROME_VIEWER.slice(0, video),
      `m=video 9 UDP/TLS/RTP/SAVPF ${codecs.map((_, index) => 96 + index).join(' ')}`,
      ...kept,
      ...codecs.flatMap(([name, fmtp], index) => [
        `a=rtpmap:${96 + index} ${name}/90000`,
        ...(fmtp ? [`a=fmtp:${96 + index} ${fmtp}`] : []),
      ]),
      ...CHROME_VIEWER.slice(data),
    ]);
  };
  const h264 = (id: string, mode = 1): [string, string] => [
    'H264',
    `profile-level-id=${id};packetization-mode=${mode};level-asymmetry-allowed=1`,
  ];

  it.each<[string, Track, string, boolean]>([
    ['VP8 has VP8', track('VP8'), withVideo(['VP8']), true],
    ['VP8 has H264 only', track('VP8'), withVideo(h264('42e01f')), false],
    [
      'VP9 profile 2 has profile 0 only',
      track('VP9', { 'profile-id': '2' }),
      withVideo(['VP9', 'profile-id=0']),
      false,
    ],
    ['VP9 has VP9 without a word on its profile', track('VP9', { 'profile-id': '0' }), withVideo(['VP9']), true],
    ['AV1 has AV1', track('AV1', { profile: '0' }), withVideo(['AV1']), true],
    ['constrained baseline has high', track('H264', profile('42e01f')), withVideo(h264('64001f')), true],
    ['baseline has constrained baseline', track('H264', profile('42001f')), withVideo(h264('42e01f')), true],
    ['main has high', track('H264', profile('4d001f')), withVideo(h264('640c1f')), true],
    ['main has baseline only', track('H264', profile('4d001f')), withVideo(h264('42e01f')), false],
    ['high has main only', track('H264', profile('64001f')), withVideo(h264('4d001f')), false],
    ['high has high among others', track('H264', profile('64001f')), withVideo(h264('42e01f'), h264('640028')), true],
    ['mode 0 has mode 1', track('H264', profile('42e01f', '0')), withVideo(h264('42e01f', 1)), true],
    ['mode 1 has mode 0 only', track('H264', profile('42e01f')), withVideo(h264('42e01f', 0)), false],
    ['high has 4:4:4, as Chromium names it', track('H264', profile('64001f')), withVideo(h264('f4001f')), true],
    ['H264 has a profile of no browser', track('H264', profile('42e01f')), withVideo(h264('58001f')), false],
    ['Opus has Opus', track('opus'), sdp(CHROME_VIEWER), true],
  ])('%s: %#', (_name, source, offer, decodes) => {
    expect(codeOf(() => answerViewer(offer, [source]))).toBe(decodes ? undefined : 'unsupported_codec');
  });

  it('something that it cannot decode is told what is sent and what it has', () => {
    expect(() => answerViewer(withVideo(['VP8'], ['VP9']), [track('H264', profile('64001f'))])).toThrow(
      'The publisher sends H264 (high); the offer has VP8, VP9.',
    );
    expect(() => answerViewer(withVideo(['H265']), [track('VP8')])).toThrow('none of VP8, VP9, H264, AV1, Opus');
  });

  it('video may come for audio alone', () => {
    const audio = CHROME_VIEWER.slice(
      0,
      CHROME_VIEWER.findIndex((line) => line.startsWith('m=video')),
    );
    expect(codeOf(() => answerViewer(sdp(audio), [track('VP8'), track('opus')]))).toBeUndefined();
  });

  it('nothing yet may come before the publisher, but not with no codec at all', () => {
    expect(codeOf(() => answerViewer(withVideo(h264('42e01f'))))).toBeUndefined();
    expect(codeOf(() => answerViewer(withVideo(['H265'])))).toBe('unsupported_codec');
  });
});
