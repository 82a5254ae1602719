// For tests of the pages' scripts: the browser's connection and the server's answers, as a test wants them.

import { settle } from './page-clock.ts';

/** A connection whose state a test sets. */
export class FakePeerConnection {
  static made: FakePeerConnection[] = [];
  connectionState = 'new';
  onconnectionstatechange: (() => void) | null = null;
  signalingState = 'stable';
  currentRemoteDescription: { sdp: string } | null = null;
  localDescription: { sdp: string } | null = null;

  constructor() {
    FakePeerConnection.made.push(this);
  }

  async createOffer(): Promise<{ type: string; sdp: string }> {
    return { type: 'offer', sdp: 'a=ice-ufrag:u\r\na=ice-pwd:p\r\na=mid:0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n' };
  }

  async setLocalDescription({ type, sdp }: { type: string; sdp?: string }): Promise<void> {
    this.signalingState = type === 'offer' ? 'have-local-offer' : 'stable';
    if (sdp) this.localDescription = { sdp };
  }

  async setRemoteDescription({ sdp }: { sdp: string }): Promise<void> {
    this.signalingState = 'stable';
    this.currentRemoteDescription = { sdp };
  }

  setConfiguration(): void {}

  getSenders(): [] {
    return [];
  }

  createDataChannel(): EventTarget {
    return new EventTarget();
  }

  addTransceiver(): object {
    return { sender: { getParameters: () => ({ encodings: [] }), setParameters: async () => {} } };
  }

  become(state: RTCPeerConnectionState): void {
    this.connectionState = state;
    this.onconnectionstatechange?.();
  }

  close(): void {
    this.connectionState = 'closed';
  }
}

/** A request of the page that waits for its answer. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly resume: string | null;
  answer(response: Response | TypeError): Promise<void>;
}

/** The answer to an offer. */
export const created = (session: string, body: BodyInit | null = 'answer') =>
  new Response(body, {
    status: 201,
    headers: { Location: `/whip/live/${session}`, 'Fanlight-Resume': `${session}.token` },
  });
/** Of a response whose head came alone. */
export const brokenBody = () =>
  new ReadableStream({
    start: (controller) => controller.error(new TypeError('The connection broke.')),
  });
export const problem = (status: number, code: string) =>
  new Response(JSON.stringify({ code, title: code }), {
    status,
    headers: { 'Content-Type': 'application/problem+json' },
  });

/** In place of `fetch`: what is asked waits in the list. */
export function fetchInto(asked: Asked[]) {
  return (url: string | URL, { method = 'GET', headers, signal }: RequestInit = {}): Promise<Response> => {
    const answered = Promise.withResolvers<Response>();
    signal?.addEventListener('abort', () => answered.reject(new DOMException('aborted', 'AbortError')));
    asked.push({
      method,
      path: new URL(url).pathname,
      resume: new Headers(headers).get('Fanlight-Resume'),
      answer: async (response) => {
        if (response instanceof Response) answered.resolve(response);
        else answered.reject(response);
        for (let turn = 0; turn < 10; turn++) await settle();
      },
    });
    return answered.promise;
  };
}
