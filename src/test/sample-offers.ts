// For tests: offers in the shape of real clients, cut to what matters. It must not be imported by the product.

const FINGERPRINT =
  'sha-256 1C:B5:0B:0E:0A:99:5B:5C:1A:0B:6E:27:0F:0A:0C:1D:2E:3F:40:51:62:73:84:95:A6:B7:C8:D9:EA:FB:0C:1D';

const TRANSPORT = [
  'c=IN IP4 0.0.0.0',
  'a=rtcp:9 IN IP4 0.0.0.0',
  'a=ice-ufrag:4ZcD',
  'a=ice-pwd:2/1muCWoOi3uLifh0NuRHlig',
  'a=ice-options:trickle',
  `a=fingerprint:${FINGERPRINT}`,
  'a=setup:actpass',
];

const CHROME_EXTENSIONS = [
  'a=extmap:1 urn:ietf:params:rtp-hdrext:toffset',
  'a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time',
  'a=extmap:3 urn:3gpp:video-orientation',
  'a=extmap:4 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
  'a=extmap:9 urn:ietf:params:rtp-hdrext:sdes:mid',
  'a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id',
];

const CHROME_FEEDBACK = ['goog-remb', 'transport-cc', 'ccm fir', 'nack', 'nack pli'];

function video(payloadType: number, name: string, fmtp?: string): string[] {
  return [
    `a=rtpmap:${payloadType} ${name}/90000`,
    ...CHROME_FEEDBACK.map((feedback) => `a=rtcp-fb:${payloadType} ${feedback}`),
    ...(fmtp ? [`a=fmtp:${payloadType} ${fmtp}`] : []),
  ];
}

function rtx(payloadType: number, of: number): string[] {
  return [`a=rtpmap:${payloadType} rtx/90000`, `a=fmtp:${payloadType} apt=${of}`];
}

const H264 = (profile: string, mode = 1) =>
  `level-asymmetry-allowed=1;packetization-mode=${mode};profile-level-id=${profile}`;

const CHROME_AUDIO = [
  'a=rtpmap:111 opus/48000/2',
  'a=rtcp-fb:111 transport-cc',
  'a=fmtp:111 minptime=10;useinbandfec=1',
  'a=rtpmap:63 red/48000/2',
  'a=fmtp:63 111/111',
  'a=rtpmap:9 G722/8000',
  'a=rtpmap:0 PCMU/8000',
  'a=rtpmap:8 PCMA/8000',
  'a=rtpmap:13 CN/8000',
  'a=rtpmap:110 telephone-event/48000',
];

const CHROME_VIDEO = [
  ...video(96, 'VP8'),
  ...rtx(97, 96),
  ...video(102, 'H264', H264('42001f')),
  ...rtx(103, 102),
  ...video(104, 'H264', H264('42001f', 0)),
  ...video(106, 'H264', H264('42e01f')),
  ...video(39, 'H264', H264('4d001f')),
  ...video(45, 'AV1', 'level-idx=5;profile=0;tier=0'),
  ...video(98, 'VP9', 'profile-id=0'),
  ...video(100, 'VP9', 'profile-id=2'),
  ...video(112, 'H264', H264('64001f')),
  ...video(116, 'red'),
  ...rtx(117, 116),
  ...video(118, 'ulpfec'),
];
const CHROME_VIDEO_TYPES = '96 97 102 103 104 106 39 45 98 100 112 116 117 118';

function session(...mids: string[]): string[] {
  return [
    'v=0',
    'o=- 4611731400430051336 2 IN IP4 127.0.0.1',
    's=-',
    't=0 0',
    `a=group:BUNDLE ${mids.join(' ')}`,
    'a=extmap-allow-mixed',
    'a=msid-semantic: WMS stream',
  ];
}

function data(mid: string): string[] {
  return [
    'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
    ...TRANSPORT.filter((line) => !line.startsWith('a=rtcp:')),
    `a=mid:${mid}`,
    'a=sctp-port:5000',
    'a=max-message-size:262144',
  ];
}

/** A CRLF document, or whatever `join` makes of the lines. */
export function sdp(lines: readonly string[], join = '\r\n'): string {
  return lines.map((line) => `${line}${join}`).join('');
}

/** Chrome's page as publisher: audio, video, data, with candidates already gathered. */
export const CHROME_PUBLISHER: readonly string[] = [
  ...session('0', '1', '2'),
  'm=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110',
  ...TRANSPORT,
  'a=candidate:1 1 udp 2113937151 0c8c9b8e-1c0e-4e8e-9d5e-2f6b1f1b2b3c.local 54321 typ host generation 0 network-cost 999',
  'a=mid:0',
  ...CHROME_EXTENSIONS,
  'a=sendonly',
  'a=msid:stream audio-track',
  'a=rtcp-mux',
  'a=rtcp-rsize',
  ...CHROME_AUDIO,
  'a=ssrc:3570614608 cname:4TOk42mSjXCkVIa6',
  'a=ssrc:3570614608 msid:stream audio-track',
  `m=video 9 UDP/TLS/RTP/SAVPF ${CHROME_VIDEO_TYPES}`,
  ...TRANSPORT,
  'a=mid:1',
  ...CHROME_EXTENSIONS,
  'a=sendonly',
  'a=msid:stream video-track',
  'a=rtcp-mux',
  'a=rtcp-rsize',
  ...CHROME_VIDEO,
  'a=ssrc-group:FID 2231627014 632943048',
  'a=ssrc:2231627014 cname:4TOk42mSjXCkVIa6',
  'a=ssrc:632943048 cname:4TOk42mSjXCkVIa6',
  ...data('2'),
];

/** Chrome's page as viewer. */
export const CHROME_VIEWER: readonly string[] = CHROME_PUBLISHER.filter((line) => !/^a=(ssrc|msid:)/.test(line)).map(
  (line) => (line === 'a=sendonly' ? 'a=recvonly' : line),
);

/** Firefox: fingerprint of the session, directions in extmaps, `c=` and `a=end-of-candidates`, an `sha-256` in the session only. */
export const FIREFOX_PUBLISHER: readonly string[] = [
  'v=0',
  'o=mozilla...THIS_IS_SDPARTA-99.0 1234567890123456789 0 IN IP4 0.0.0.0',
  's=-',
  't=0 0',
  'a=sendrecv',
  `a=fingerprint:${FINGERPRINT}`,
  'a=group:BUNDLE 0 1',
  'a=ice-options:trickle',
  'a=msid-semantic:WMS *',
  'm=video 54400 UDP/TLS/RTP/SAVPF 120 124 121 125 126 127 97 98 123 122',
  'c=IN IP4 192.0.2.7',
  'a=candidate:0 1 UDP 2122252543 7e5e9c60-9f5d-4f4f-8a39-5c5b3f8a5b7b.local 54400 typ host',
  'a=candidate:1 1 TCP 2105524479 7e5e9c60-9f5d-4f4f-8a39-5c5b3f8a5b7b.local 9 typ host tcptype active',
  'a=sendonly',
  'a=end-of-candidates',
  'a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid',
  'a=extmap:4 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time',
  'a=extmap:6/recvonly http://www.webrtc.org/experiments/rtp-hdrext/playout-delay',
  'a=fmtp:126 profile-level-id=42e01f;level-asymmetry-allowed=1;packetization-mode=1',
  'a=fmtp:97 profile-level-id=42e01f;level-asymmetry-allowed=1',
  'a=fmtp:120 max-fs=12288;max-fr=60',
  'a=fmtp:124 apt=120',
  'a=fmtp:121 max-fs=12288;max-fr=60',
  'a=fmtp:125 apt=121',
  'a=fmtp:127 apt=126',
  'a=fmtp:98 apt=97',
  'a=ice-pwd:e3baa26dd2fa5030d881d385f1e36cce',
  'a=ice-ufrag:58b99ead',
  'a=mid:0',
  'a=msid:- {7c6b9d4d-3c9b-4a9c-8c0a-3a3b3f7f8b1a}',
  ...['120', '121', '126', '97'].flatMap((payloadType) =>
    ['nack', 'nack pli', 'ccm fir', 'goog-remb', 'transport-cc'].map(
      (feedback) => `a=rtcp-fb:${payloadType} ${feedback}`,
    ),
  ),
  'a=rtcp-mux',
  'a=rtcp-rsize',
  'a=rtpmap:120 VP8/90000',
  'a=rtpmap:124 rtx/90000',
  'a=rtpmap:121 VP9/90000',
  'a=rtpmap:125 rtx/90000',
  'a=rtpmap:126 H264/90000',
  'a=rtpmap:127 rtx/90000',
  'a=rtpmap:97 H264/90000',
  'a=rtpmap:98 rtx/90000',
  'a=rtpmap:123 ulpfec/90000',
  'a=rtpmap:122 red/90000',
  'a=setup:actpass',
  'a=ssrc:1081040086 cname:{2cc8c7f4}',
  'a=ssrc:3027480023 cname:{2cc8c7f4}',
  'a=ssrc-group:FID 1081040086 3027480023',
  'm=audio 0 UDP/TLS/RTP/SAVPF 109 9 0 8 101',
  'c=IN IP4 0.0.0.0',
  'a=bundle-only',
  'a=sendonly',
  'a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid',
  'a=fmtp:109 maxplaybackrate=48000;stereo=1;useinbandfec=1',
  'a=fmtp:101 0-15',
  'a=ice-pwd:e3baa26dd2fa5030d881d385f1e36cce',
  'a=ice-ufrag:58b99ead',
  'a=mid:1',
  'a=rtcp-mux',
  'a=rtpmap:109 opus/48000/2',
  'a=rtpmap:9 G722/8000/1',
  'a=rtpmap:0 PCMU/8000',
  'a=rtpmap:8 PCMA/8000',
  'a=rtpmap:101 telephone-event/8000',
  'a=setup:actpass',
  'a=ssrc:3482342823 cname:{2cc8c7f4}',
];

/** Safari as viewer: H264 first. */
export const SAFARI_VIEWER: readonly string[] = [
  ...session('0', '1'),
  'm=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99 100 101 127',
  ...TRANSPORT,
  'a=mid:0',
  ...CHROME_EXTENSIONS,
  'a=recvonly',
  'a=rtcp-mux',
  'a=rtcp-rsize',
  ...video(96, 'H264', H264('640c1f')),
  ...rtx(97, 96),
  ...video(98, 'H264', H264('42e01f')),
  ...rtx(99, 98),
  ...video(100, 'VP8'),
  ...video(101, 'VP9', 'profile-id=0'),
  'a=rtpmap:127 red/90000',
  'm=audio 9 UDP/TLS/RTP/SAVPF 111 0',
  ...TRANSPORT,
  'a=mid:1',
  'a=recvonly',
  'a=rtcp-mux',
  'a=rtpmap:111 opus/48000/2',
  'a=fmtp:111 minptime=10;useinbandfec=1',
  'a=rtpmap:0 PCMU/8000',
];

/** OBS (libdatachannel): transport lines of the session, no candidates, H264 always declared as 42e01f. */
export const OBS_PUBLISHER: readonly string[] = [
  'v=0',
  'o=rtc 3319322378 0 IN IP4 127.0.0.1',
  's=-',
  't=0 0',
  'a=group:BUNDLE 0 1',
  'a=group:LS 0 1',
  'a=msid-semantic:WMS *',
  'a=setup:actpass',
  'a=ice-ufrag:GuGk',
  'a=ice-pwd:KhMnxLtnCvBVKmnRMA8qnp',
  'a=ice-options:ice2,trickle',
  `a=fingerprint:${FINGERPRINT}`,
  'm=audio 9 UDP/TLS/RTP/SAVPF 111',
  'c=IN IP4 0.0.0.0',
  'a=mid:0',
  'a=sendonly',
  'a=ssrc:2053116133 cname:kX2tYfcQn7k1aZlI',
  'a=ssrc:2053116133 msid:W7kvoI audio',
  'a=msid:W7kvoI audio',
  'a=rtcp-mux',
  'a=rtpmap:111 opus/48000/2',
  'a=fmtp:111 minptime=10;maxaveragebitrate=96000;stereo=1;sprop-stereo=1;useinbandfec=1',
  'm=video 9 UDP/TLS/RTP/SAVPF 96',
  'c=IN IP4 0.0.0.0',
  'a=mid:1',
  'a=sendonly',
  'a=ssrc:2053116134 cname:kX2tYfcQn7k1aZlI',
  'a=msid:W7kvoI video',
  'a=rtcp-mux',
  'a=rtpmap:96 H264/90000',
  'a=rtcp-fb:96 nack',
  'a=rtcp-fb:96 nack pli',
  'a=rtcp-fb:96 goog-remb',
  'a=fmtp:96 profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1',
];

/** OBS 32 with three layers: rid 0 is the highest, and only its SSRC is named. */
export const OBS_SIMULCAST: readonly string[] = OBS_PUBLISHER.flatMap((line) =>
  line === 'a=mid:1'
    ? [
        line,
        'a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid',
        'a=extmap:2 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id',
        'a=rid:0 send',
        'a=rid:1 send',
        'a=rid:2 send',
        'a=simulcast:send 0;1;2',
      ]
    : line,
);

/** FFmpeg 8: insists on being the DTLS server, names no header extension. */
export const FFMPEG_PUBLISHER: readonly string[] = [
  'v=0',
  'o=FFmpeg 4489045141692799359 2 IN IP4 127.0.0.1',
  's=FFmpegPublishSession',
  't=0 0',
  'a=group:BUNDLE 0 1',
  'a=extmap-allow-mixed',
  'a=msid-semantic: WMS',
  'm=audio 9 UDP/TLS/RTP/SAVPF 111',
  'c=IN IP4 0.0.0.0',
  'a=ice-ufrag:9b1a7cde',
  'a=ice-pwd:0123456789abcdef0123456789abcdef',
  `a=fingerprint:${FINGERPRINT}`,
  'a=setup:passive',
  'a=mid:0',
  'a=sendonly',
  'a=msid:FFmpeg audio',
  'a=rtcp-mux',
  'a=rtpmap:111 opus/48000/2',
  'a=ssrc:1201323371 cname:FFmpeg',
  'a=ssrc:1201323371 msid:FFmpeg audio',
  'm=video 9 UDP/TLS/RTP/SAVPF 106',
  'c=IN IP4 0.0.0.0',
  'a=ice-ufrag:9b1a7cde',
  'a=ice-pwd:0123456789abcdef0123456789abcdef',
  `a=fingerprint:${FINGERPRINT}`,
  'a=setup:passive',
  'a=mid:1',
  'a=sendonly',
  'a=msid:FFmpeg video',
  'a=rtcp-mux',
  'a=rtcp-rsize',
  'a=rtpmap:106 H264/90000',
  'a=fmtp:106 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f',
  'a=ssrc:2847362921 cname:FFmpeg',
  'a=ssrc:2847362921 msid:FFmpeg video',
];

/** GStreamer's webrtcbin with forward error correction and retransmission. */
export const GSTREAMER_PUBLISHER: readonly string[] = [
  'v=0',
  'o=- 8421957332165187063 0 IN IP4 0.0.0.0',
  's=-',
  't=0 0',
  'a=ice-options:trickle',
  'a=group:BUNDLE video0 audio1',
  'm=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99 100',
  'c=IN IP4 0.0.0.0',
  'a=setup:actpass',
  'a=ice-ufrag:wVc1Q8oeHUKoTXA5DuoPHCVfvzKHFzd5',
  'a=ice-pwd:mVJ6wvBxW5vbVvMqZKnOD5Ue0JxE8z7d',
  'a=rtcp-mux',
  'a=rtcp-rsize',
  'a=sendonly',
  'a=rtpmap:96 VP8/90000',
  'a=rtcp-fb:96 nack',
  'a=rtcp-fb:96 nack pli',
  'a=rtcp-fb:96 ccm fir',
  'a=rtcp-fb:96 transport-cc',
  'a=rtpmap:97 red/90000',
  'a=rtpmap:98 ulpfec/90000',
  'a=rtpmap:99 rtx/90000',
  'a=fmtp:99 apt=97',
  'a=rtpmap:100 rtx/90000',
  'a=fmtp:100 apt=96',
  'a=extmap:1 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
  'a=ssrc-group:FID 2784653331 3713281245',
  'a=ssrc:2784653331 msid:user3 webrtctransceiver0',
  'a=ssrc:2784653331 cname:user3',
  'a=ssrc:3713281245 cname:user3',
  'a=mid:video0',
  `a=fingerprint:${FINGERPRINT}`,
  'a=rtcp-mux-only',
  'm=audio 9 UDP/TLS/RTP/SAVPF 97',
  'c=IN IP4 0.0.0.0',
  'a=setup:actpass',
  'a=ice-ufrag:wVc1Q8oeHUKoTXA5DuoPHCVfvzKHFzd5',
  'a=ice-pwd:mVJ6wvBxW5vbVvMqZKnOD5Ue0JxE8z7d',
  'a=rtcp-mux',
  'a=rtcp-rsize',
  'a=sendonly',
  'a=rtpmap:97 OPUS/48000/2',
  'a=fmtp:97 sprop-maxcapturerate=48000;sprop-stereo=0',
  'a=ssrc:3119442313 cname:user3',
  'a=mid:audio1',
  `a=fingerprint:${FINGERPRINT}`,
];

/** Publishers by client. */
export const PUBLISHERS: Readonly<Record<string, readonly string[]>> = {
  Chrome: CHROME_PUBLISHER,
  Firefox: FIREFOX_PUBLISHER,
  OBS: OBS_PUBLISHER,
  'OBS with simulcast': OBS_SIMULCAST,
  FFmpeg: FFMPEG_PUBLISHER,
  GStreamer: GSTREAMER_PUBLISHER,
};

/** Viewers by client. */
export const VIEWERS: Readonly<Record<string, readonly string[]>> = {
  Chrome: CHROME_VIEWER,
  Safari: SAFARI_VIEWER,
};
