// A small WHEP client (draft-ietf-wish-whep): receives the tracks and data channels of an endpoint.
// It must not know video elements or pages.

import { SessionClient } from './session-client.js';

/**
 * ```js
 * const client = new WhepClient('/whep/live', { token });
 * client.on('channel', (channel) => { channel.onmessage = ({ data }) => show(channel.label, data); });
 * const tracks = await client.view();
 * video.srcObject = new MediaStream(tracks);
 * await client.stop();
 * ```
 */
export class WhepClient extends SessionClient {
  /**
   * Views; called again it resumes the session over a new connection. The connection before it stays open, so that
   * its last frame stays on the screen: call `releasePrevious()` when the new one shows its first.
   * @returns {Promise<MediaStreamTrack[]>} audio and video; silent until the publisher sends that kind
   * @throws {import('./problem.js').ProblemError}
   */
  async view() {
    /** @type {RTCRtpTransceiver[]} */
    let transceivers = [];
    await this.open((connection) => {
      transceivers = [
        connection.addTransceiver('audio', { direction: 'recvonly' }),
        connection.addTransceiver('video', { direction: 'recvonly' }),
      ];
      // Gives the offer a data section; the server opens the publisher's channels over it.
      const control = connection.createDataChannel('fanlight');
      control.addEventListener('open', () => this.emit('channel', control));
    });
    return transceivers.map(({ receiver }) => receiver.track);
  }
}
