// werift's own sending path, for comparison: a server that makes the pattern itself and answers WHEP offers with werift's
// RTCPeerConnection, one per viewer, one MediaStreamTrack for all: `track.writeRtp` → RTCRtpSender → its SRTP → its ICE → dgram.
// `POST /start`, `POST /stop`, `GET /numbers` stand for the publisher. It must not use a line of our media path.

import { createServer, type IncomingMessage } from 'node:http';
import { MediaStreamTrack, RTCPeerConnection, RTCRtpCodecParameters, RtpHeader, RtpPacket } from 'werift';
import { PAYLOAD_TYPE } from './offer.ts';
import { PacedPattern } from './paced-pattern.ts';

const audio = new MediaStreamTrack({ kind: 'audio' });
const video = new MediaStreamTrack({ kind: 'video' });
const tracks = { audio, video };
const connections: RTCPeerConnection[] = [];

const pattern = new PacedPattern(({ kind, marker, sequence, timestamp, payload }) => {
  const header = new RtpHeader({
    payloadType: PAYLOAD_TYPE[kind],
    sequenceNumber: sequence,
    timestamp,
    marker,
    ssrc: 1,
  });
  tracks[kind].writeRtp(new RtpPacket(header, payload));
});

const server = createServer(async (request, response) => {
  const answer = await handle(request).catch((error: unknown) => ({ status: 500, body: String(error) }));
  response.writeHead(answer.status).end(answer.body);
});
server.listen(Number(process.env.PORT), '127.0.0.1');

async function handle(request: IncomingMessage): Promise<{ readonly status: number; readonly body: string }> {
  switch (`${request.method} ${request.url?.split('/')[1]}`) {
    case 'GET readyz':
      return { status: 200, body: 'ready' };
    case 'GET numbers':
      return {
        status: 200,
        body: JSON.stringify({ video: pattern.place('video').packets, audio: pattern.place('audio').packets }),
      };
    case 'POST start':
      pattern.start();
      return { status: 204, body: '' };
    case 'POST stop':
      pattern.stop();
      return { status: 204, body: '' };
    case 'POST whep':
      return { status: 201, body: await answerTo(await bodyOf(request)) };
    default:
      return { status: 404, body: '' };
  }
}

async function answerTo(offer: string): Promise<string> {
  const connection = new RTCPeerConnection({
    iceServers: [],
    iceAdditionalHostAddresses: ['127.0.0.1'],
    iceUseIpv6: false,
    codecs: {
      audio: [
        new RTCRtpCodecParameters({
          mimeType: 'audio/opus',
          clockRate: 48_000,
          channels: 2,
          payloadType: PAYLOAD_TYPE.audio,
        }),
      ],
      video: [new RTCRtpCodecParameters({ mimeType: 'video/VP8', clockRate: 90_000, payloadType: PAYLOAD_TYPE.video })],
    },
  });
  connections.push(connection);
  connection.addTransceiver(audio, { direction: 'sendonly' });
  connection.addTransceiver(video, { direction: 'sendonly' });
  await connection.setRemoteDescription({ type: 'offer', sdp: offer });
  await connection.setLocalDescription(await connection.createAnswer());
  return connection.localDescription?.sdp ?? '';
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}
