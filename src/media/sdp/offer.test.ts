import { describe, expect, it } from 'vitest';
import { type ErrorCode, FanlightError } from '../../errors.ts';
import { seededRandom } from '../../rtp/seeded-network.ts';
import {
  CHROME_PUBLISHER,
  CHROME_VIEWER,
  FFMPEG_PUBLISHER,
  FIREFOX_PUBLISHER,
  GSTREAMER_PUBLISHER,
  OBS_PUBLISHER,
  PUBLISHERS,
  SAFARI_VIEWER,
  sdp,
  VIEWERS,
} from '../../test/sample-offers.ts';
import { negotiatePublisher, negotiateViewer } from './answer.ts';
import { parseOffer } from './offer.ts';

/** `kind mid direction: name payload type, …` per section. */
const outline = (lines: readonly string[]) =>
  parseOffer(sdp(lines)).sections.map(({ kind, mid, media }) =>
    media
      ? `${kind} ${mid} ${media.direction}: ${media.codecs.map(({ name, payloadType }) => `${name} ${payloadType}`).join(', ')}`
      : `${kind} ${mid}`,
  );

describe('the offer of', () => {
  it('Chrome', () => {
    expect(outline(CHROME_PUBLISHER)).toEqual([
      'audio 0 sendonly: opus 111',
      'video 1 sendonly: VP8 96, H264 102, H264 104, H264 106, H264 39, AV1 45, VP9 98, VP9 100, H264 112',
      'application 2',
    ]);
    const offer = parseOffer(sdp(CHROME_PUBLISHER));
    expect(offer).toMatchObject({
      bundle: ['0', '1', '2'],
      ice: { usernameFragment: '4ZcD', password: '2/1muCWoOi3uLifh0NuRHlig' },
      setup: 'actpass',
    });
    expect(offer.fingerprints[0]?.algorithm).toBe('sha-256');
    const [audio, video, data] = offer.sections;
    expect(audio?.media?.ssrcs).toEqual([3570614608]);
    expect(video?.media?.ssrcs).toEqual([2231627014]);
    expect(video?.media?.extensions.get('mid')).toBe(9);
    expect(data?.sctpPort).toBe(5000);
    expect(audio?.media?.codecs[0]).toEqual({
      kind: 'audio',
      name: 'opus',
      clockRate: 48_000,
      channels: 2,
      parameters: { minptime: '10', useinbandfec: '1' },
      payloadType: 111,
      fmtp: 'minptime=10;useinbandfec=1',
      feedback: ['transport-cc'],
    });
  });

  it('Firefox, with the fingerprint in the session and a bundle-only section at port 0', () => {
    expect(outline(FIREFOX_PUBLISHER)).toEqual([
      'video 0 sendonly: VP8 120, VP9 121, H264 126, H264 97',
      'audio 1 sendonly: opus 109',
    ]);
    const offer = parseOffer(sdp(FIREFOX_PUBLISHER));
    expect(offer.fingerprints).toHaveLength(1);
    expect(offer.sections.map(({ rejected }) => rejected)).toEqual([false, false]);
    expect(offer.sections[0]?.media?.extensions.get('mid')).toBe(3);
    expect(offer.sections[0]?.media?.ssrcs).toEqual([1081040086]);
  });

  it('Safari', () => {
    expect(outline(SAFARI_VIEWER)).toEqual([
      'video 0 recvonly: H264 96, H264 98, VP8 100, VP9 101',
      'audio 1 recvonly: opus 111',
    ]);
  });

  it('OBS, with all of the transport in the session and no candidates', () => {
    expect(outline(OBS_PUBLISHER)).toEqual(['audio 0 sendonly: opus 111', 'video 1 sendonly: H264 96']);
    expect(parseOffer(sdp(OBS_PUBLISHER))).toMatchObject({ ice: { usernameFragment: 'GuGk' }, setup: 'actpass' });
  });

  it('FFmpeg, which is the DTLS server and names no header extension', () => {
    expect(outline(FFMPEG_PUBLISHER)).toEqual(['audio 0 sendonly: opus 111', 'video 1 sendonly: H264 106']);
    const offer = parseOffer(sdp(FFMPEG_PUBLISHER));
    expect(offer.setup).toBe('passive');
    expect(offer.sections[1]?.media?.extensions.size).toBe(0);
    expect(offer.sections[1]?.media?.ssrcs).toEqual([2847362921]);
  });

  it('GStreamer, with mids that are words', () => {
    expect(outline(GSTREAMER_PUBLISHER)).toEqual(['video video0 sendonly: VP8 96', 'audio audio1 sendonly: opus 97']);
    expect(parseOffer(sdp(GSTREAMER_PUBLISHER)).sections[0]?.media?.ssrcs).toEqual([2784653331]);
  });

  it.each(Object.entries({ ...PUBLISHERS, ...VIEWERS }))('%s is the same with LF and with CRLF', (_name, lines) => {
    expect(parseOffer(sdp(lines, '\n'))).toEqual(parseOffer(sdp(lines)));
    expect(parseOffer(lines.join('\n'))).toEqual(parseOffer(sdp(lines)));
  });
});

describe('an offer', () => {
  it('may have any candidates, which are not looked at', () => {
    const odd = [
      'a=candidate:',
      'a=candidate:1 1 udp',
      'a=candidate:1 1 udp 1 some-name.local 9 typ host',
      'a=candidate:x y z',
      'a=end-of-candidates',
    ];
    const plain = CHROME_PUBLISHER.filter((line) => !line.startsWith('a=candidate'));
    expect(parseOffer(sdp([...plain, ...odd]))).toEqual(parseOffer(sdp(plain)));
  });

  it('has its codecs in the order of the m= line, each once, and only those named there', () => {
    const lines = OBS_PUBLISHER.map((line) =>
      line === 'm=video 9 UDP/TLS/RTP/SAVPF 96' ? 'm=video 9 UDP/TLS/RTP/SAVPF 98 96 98' : line,
    );
    const more = ['a=rtpmap:98 VP9/90000', 'a=rtpmap:96 VP8/90000', 'a=rtpmap:100 VP8/90000'];
    expect(outline([...lines, ...more])[1]).toBe('video 1 sendonly: VP9 98, H264 96');
  });

  it('takes codec names in any case, and knows no other than ours', () => {
    const lines = [
      ...OBS_PUBLISHER.map((line) => line.replace('SAVPF 96', 'SAVPF 96 97 98 99 100 101 102')),
      'a=rtpmap:97 vP8/90000',
      'a=rtpmap:98 constructor/90000',
      'a=rtpmap:99 __proto__/90000',
      'a=rtpmap:100 H265/90000',
      'a=rtpmap:101 VP9/48000',
      'a=rtpmap:102 opus/48000/2',
    ];
    expect(outline(lines)[1]).toBe('video 1 sendonly: H264 96, VP8 97');
  });

  it('with parameters named as members of all objects is read as any other', () => {
    const lines = OBS_PUBLISHER.map((line) =>
      line.startsWith('a=fmtp:96') ? 'a=fmtp:96 __proto__=1;constructor=2;;=3;PROFILE-LEVEL-ID=64001F' : line,
    );
    const codec = parseOffer(sdp(lines)).sections[1]?.media?.codecs[0];
    expect(codec?.parameters['profile-level-id']).toBe('64001F');
    expect(({} as Record<string, unknown>)['1']).toBeUndefined();
  });

  it('keeps no SSRC that is none', () => {
    const odd = ['a=ssrc:abc cname:x', 'a=ssrc:-1 cname:x', 'a=ssrc:99999999999 cname:x'];
    expect(parseOffer(sdp([...OBS_PUBLISHER, ...odd])).sections[1]?.media?.ssrcs).toEqual([2053116134]);
  });

  it('says which payload type repeats which, by whatever order of lines', () => {
    const rtx = (lines: readonly string[]) => [
      ...(parseOffer(sdp(lines)).sections.find(({ kind }) => kind === 'video')?.media?.rtx ?? []),
    ];
    expect(rtx(CHROME_PUBLISHER)).toEqual([
      [96, 97],
      [102, 103],
      [116, 117],
    ]);
    expect(rtx(FIREFOX_PUBLISHER)).toEqual([
      [120, 124],
      [121, 125],
      [126, 127],
      [97, 98],
    ]);
    expect(rtx([...OBS_PUBLISHER, 'a=rtpmap:97 rtx/90000', 'a=fmtp:97 apt=96'])).toEqual([]);
    const odd = ['97 apt=', '98 apt=x', '99 apt=200', '100 rtx-time=1', '101 rtx-time=3000;apt=96', '102 apt=96'];
    const lines = [
      ...OBS_PUBLISHER.map((line) => line.replace('SAVPF 96', 'SAVPF 96 97 98 99 100 101 102')),
      ...odd.flatMap((fmtp) => [`a=rtpmap:${fmtp.split(' ')[0]} rtx/90000`, `a=fmtp:${fmtp}`]),
    ];
    expect(rtx(lines)).toEqual([[96, 101]]);
  });

  it('names the layers of simulcast in order, each once, of alternatives the first', () => {
    const rids = (...lines: string[]) => parseOffer(sdp([...OBS_PUBLISHER, ...lines])).sections[1]?.media?.rids;
    const described = ['a=rid:h send', 'a=rid:q send pt=96;max-width=320', 'a=rid:f send', 'a=rid:x recv'];
    expect(rids(...described, 'a=simulcast:send q;~h;f')).toEqual(['q', 'h', 'f']);
    expect(rids(...described, 'a=simulcast:recv x send f,h;q;q;unknown;x')).toEqual(['f', 'q']);
    expect(rids(...described, 'a=simulcast: send rid=q;f')).toEqual(['q', 'f']);
    expect(rids(...described)).toEqual([]);
    expect(rids('a=simulcast:send q;f')).toEqual([]);
  });

  it('has header extensions that we know, that fit one byte and go the way of the media', () => {
    const uri = 'urn:ietf:params:rtp-hdrext:sdes:';
    const lines = [
      `a=extmap:15 ${uri}mid`,
      `a=extmap:0 ${uri}mid`,
      `a=extmap:14/sendonly ${uri}mid`,
      `a=extmap:14 ${uri}rtp-stream-id`,
      `a=extmap:3/recvonly ${uri}repaired-rtp-stream-id`,
      'a=extmap:2 urn:3gpp:video-orientation',
      'a=extmap:1 urn:other',
      'a=extmap:x urn:3gpp:video-orientation',
    ];
    expect([...(parseOffer(sdp([...OBS_PUBLISHER, ...lines])).sections[1]?.media?.extensions ?? [])]).toEqual([
      ['mid', 14],
      ['orientation', 2],
    ]);
  });

  it('says which SSRCs belong together', () => {
    const video = parseOffer(sdp(CHROME_PUBLISHER)).sections[1]?.media;
    expect(video?.ssrcGroups).toEqual([{ semantics: 'FID', ssrcs: [2231627014, 632943048] }]);
  });

  it('keeps the first SSRC of each group but those of simulcast, which are all media', () => {
    const groups = ['a=ssrc-group:SIM 1 2 3', 'a=ssrc-group:FID 1 11', 'a=ssrc-group:FEC-FR 1 12'];
    const ssrcs = [1, 2, 3, 11, 12].map((ssrc) => `a=ssrc:${ssrc} cname:x`);
    expect(parseOffer(sdp([...OBS_PUBLISHER, ...groups, ...ssrcs])).sections[1]?.media?.ssrcs).toEqual([
      2053116134, 1, 2, 3,
    ]);
  });

  it.each([
    ['RTP without encryption', 'm=video 9 RTP/AVPF 96', 'video'],
    ['another medium', 'm=image 9 TCP/IMAGE 1', 'other'],
    ['TCP', 'm=video 9 TCP/DTLS/RTP/SAVPF 96', 'video'],
    ['a data section over something else', 'm=application 9 UDP/BFCP 1', 'application'],
  ])('has sections that we do not take: %s', (_name, line, kind) => {
    const { sections } = parseOffer(sdp([...OBS_PUBLISHER, line, 'a=mid:7']));
    expect(sections[2]).toMatchObject({ kind, rejected: true, mid: '7' });
  });

  it('takes the transport of the first section that is in use', () => {
    const stopped = ['m=video 0 UDP/TLS/RTP/SAVPF 96', 'a=mid:9', 'a=inactive', 'a=ice-ufrag:old', 'a=ice-pwd:old'];
    const at = CHROME_PUBLISHER.findIndex((line) => line.startsWith('m='));
    const lines = CHROME_PUBLISHER.toSpliced(at, 0, ...stopped);
    expect(parseOffer(sdp(lines)).ice.usernameFragment).toBe('4ZcD');
  });
});

describe('a malformed offer', () => {
  const without = (pattern: RegExp) => sdp(CHROME_PUBLISHER.filter((line) => !pattern.test(line)));
  const replacing = (pattern: RegExp, by: string) => sdp(CHROME_PUBLISHER.map((line) => line.replace(pattern, by)));
  const adding = (...lines: string[]) => sdp([...CHROME_PUBLISHER, ...lines]);

  it.each<[string, string, ErrorCode]>([
    ['nothing', '', 'malformed_sdp'],
    ['white space', '\r\n\r\n \n', 'malformed_sdp'],
    ['binary', Buffer.from([0, 1, 2, 255, 254, 10, 13, 0]).toString('latin1'), 'malformed_sdp'],
    ['JSON', '{"sdp":"v=0"}', 'malformed_sdp'],
    ['HTML', '<!doctype html><title>v=0</title>', 'malformed_sdp'],
    ['something before v=0', `\ufeff${sdp(CHROME_PUBLISHER)}`, 'malformed_sdp'],
    ['no media', 'v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n', 'unsupported_offer'],
    ['only v=0', 'v=0', 'unsupported_offer'],
    ['a line with a CR inside', adding('a=x:1\ra=y:2'), 'malformed_sdp'],
    ['a line with NUL inside', adding('a=x:1\0'), 'malformed_sdp'],
    ['no ufrag', without(/^a=ice-ufrag/), 'malformed_sdp'],
    ['no password', without(/^a=ice-pwd/), 'malformed_sdp'],
    ['an empty ufrag', replacing(/^a=ice-ufrag:.*/, 'a=ice-ufrag:'), 'malformed_sdp'],
    ['no fingerprint', without(/^a=fingerprint/), 'malformed_sdp'],
    ['a fingerprint without value', replacing(/^a=fingerprint:.*/, 'a=fingerprint:sha-256'), 'malformed_sdp'],
    ['an empty fingerprint', replacing(/^a=fingerprint:.*/, 'a=fingerprint:'), 'malformed_sdp'],
    [
      'nine fingerprints',
      sdp(
        CHROME_PUBLISHER.flatMap((line) => (line.startsWith('a=fingerprint') ? Array<string>(9).fill(line) : [line])),
      ),
      'malformed_sdp',
    ],
    ['no setup', without(/^a=setup/), 'malformed_sdp'],
    ['setup:holdconn', replacing(/^a=setup:.*/, 'a=setup:holdconn'), 'malformed_sdp'],
    ['setup named as a member of all objects', replacing(/^a=setup:.*/, 'a=setup:toString'), 'malformed_sdp'],
    ['a mid that is no token', replacing(/^a=mid:1$/, 'a=mid:\u00e9\u00e9'), 'malformed_sdp'],
    ['two same mids', replacing(/^a=mid:1$/, 'a=mid:0'), 'malformed_sdp'],
    [
      'too many layers',
      adding(
        'm=video 9 UDP/TLS/RTP/SAVPF 96',
        'a=mid:9',
        ...Array.from({ length: 9 }, (_, index) => `a=rid:${index} send`),
        'a=simulcast:send 0;1;2;3;4;5;6;7;8',
      ),
      'malformed_sdp',
    ],
    ['no mids', without(/^a=mid/), 'unsupported_offer'],
    ['10 000 lines', adding(...Array.from({ length: 10_000 }, () => 'a=x')), 'malformed_sdp'],
    ['17 sections', adding(...Array.from({ length: 14 }, () => 'm=audio 9 UDP/TLS/RTP/SAVPF 111')), 'malformed_sdp'],
    [
      'too many codecs',
      adding(
        'm=video 9 UDP/TLS/RTP/SAVPF 96',
        'a=mid:9',
        ...Array.from({ length: 65 }, (_, index) => `a=rtpmap:${index} VP8/90000`),
      ),
      'malformed_sdp',
    ],
    [
      'fmtp for an unknown payload type',
      adding('a=fmtp:99 x=1', 'm=audio 9 UDP/TLS/RTP/SAVPF 111', 'a=fmtp:77 x=1'),
      'malformed_sdp',
    ],
    ['fmtp without anything', replacing(/^a=fmtp:111.*/, 'a=fmtp'), 'malformed_sdp'],
    ['rtpmap without anything', replacing(/^a=rtpmap:111.*/, 'a=rtpmap'), 'malformed_sdp'],
    ['rtcp-fb without anything', replacing(/^a=rtcp-fb:111.*/, 'a=rtcp-fb'), 'malformed_sdp'],
    ['group without anything', replacing(/^a=group.*/, 'a=group'), 'malformed_sdp'],
    ['extmap without anything', replacing(/^a=extmap:1 .*/, 'a=extmap'), 'malformed_sdp'],
    ['ssrc without anything', adding('m=audio 9 UDP/TLS/RTP/SAVPF 111', 'a=ssrc'), 'malformed_sdp'],
    ['an m= line that is cut', replacing(/^m=audio.*/, 'm=audio'), 'malformed_sdp'],
    ['a port that is no number', replacing(/^m=audio 9/, 'm=audio nine'), 'malformed_sdp'],
    ['an address that is none', replacing(/^c=IN IP4.*/, 'c=nowhere'), 'malformed_sdp'],
    ['an SCTP port that is no number', replacing(/^a=sctp-port:.*/, 'a=sctp-port:x'), 'malformed_sdp'],
    ['an SCTP port of 0', replacing(/^a=sctp-port:.*/, 'a=sctp-port:0'), 'malformed_sdp'],
    ['an SCTP port of 70000', replacing(/^a=sctp-port:.*/, 'a=sctp-port:70000'), 'malformed_sdp'],
  ])('(%s) is told by its code', (_name, text, code) => {
    let thrown: unknown;
    try {
      parseOffer(text);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(FanlightError);
    expect(thrown).toMatchObject({ code });
  });

  it('never brings another exception, however it was damaged', () => {
    const random = seededRandom(2026);
    const pick = (below: number) => Math.floor(random() * below);
    const sources = [...Object.values(PUBLISHERS), CHROME_VIEWER, SAFARI_VIEWER].map((lines) => [...lines]);
    const outcomes = { read: 0, refused: 0 };
    for (let round = 0; round < 3000; round++) {
      const lines = [...(sources[pick(sources.length)] ?? [])];
      for (let mutation = 0; mutation <= pick(5); mutation++) {
        const at = pick(lines.length);
        const line = lines[at] ?? '';
        const cut = pick(line.length + 1);
        const mutations = [
          () => lines.splice(at, 1),
          () => lines.splice(at, 0, lines[pick(lines.length)] ?? ''),
          () => lines.splice(at, 1, line.slice(0, cut)),
          () => lines.splice(at, 1, line.slice(0, cut) + String.fromCharCode(pick(256)) + line.slice(cut + 1)),
          () => lines.splice(at, 1, line.replace(/\d+/, String(pick(2) ? pick(200) : random() * 1e12))),
          () => lines.splice(at, 1, line.replace(/[:= ]/, '')),
          () => lines.splice(at, 1, line.split(':')[0] ?? ''),
          () => lines.splice(at, 1, line.replace(/\w+$/, 'constructor')),
          () => lines.splice(at),
        ];
        mutations[pick(mutations.length)]?.();
      }
      try {
        const offer = parseOffer(sdp(lines));
        for (const negotiate of [negotiatePublisher, (each: typeof offer) => negotiateViewer(each, [], () => 1)]) {
          try {
            negotiate(offer);
          } catch (error) {
            expect(error).toBeInstanceOf(FanlightError);
          }
        }
        outcomes.read++;
      } catch (error) {
        expect(error, lines.join('\n')).toBeInstanceOf(FanlightError);
        outcomes.refused++;
      }
    }
    expect(outcomes.read).toBeGreaterThan(300);
    expect(outcomes.refused).toBeGreaterThan(300);
  });
});
