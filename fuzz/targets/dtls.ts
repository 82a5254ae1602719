// DTLS before anything is proved: records from an address that passed ICE. Our door must let nothing throw, whatever the
// library behind it thinks of them.

import { createDtlsCertificate } from '../../src/media/transport/certificate.ts';
import { Dtls, isDtls } from '../../src/media/transport/dtls.ts';
import { BYTE_MUTATIONS } from '../mutations.ts';
import { type FuzzTarget, promise } from '../target.ts';

const certificate = await createDtlsCertificate();
const MAX_ANSWER_BYTES = 64 * 1024;

/** A first flight, as our own client side writes it. */
const hello = await new Promise<Buffer>((resolve) => {
  open('client', (datagram) => resolve(Buffer.from(datagram))).connect();
});

export const dtls: FuzzTarget = {
  name: 'dtls',
  seeds: [
    hello,
    // ChangeCipherSpec, an alert, application data, an encrypted handshake record: all too early.
    Buffer.from('14fefd0000000000000001000101', 'hex'),
    Buffer.from('15fefd000000000000000200020228', 'hex'),
    Buffer.from('17fefd0001000000000003000411223344', 'hex'),
    Buffer.from('16fefd00010000000000040004aabbccdd', 'hex'),
    // A message that says it has 16 MiB.
    Buffer.from('16fefd0000000000000005000c01ffffff000000000000000000', 'hex'),
  ],
  mutations: BYTE_MUTATIONS,
  maxBytes: 1500,
  maxMs: 60,
  check(input) {
    const datagram = Buffer.from(input.buffer, input.byteOffset, input.length);
    if (!isDtls(datagram)) return 'no';
    let answered = 0;
    let closed = '';
    const door = open(
      'server',
      (answer) => {
        answered += answer.length;
      },
      (reason) => {
        closed = reason;
      },
    );
    door.receive(datagram);
    door.receive(datagram);
    door.close();
    promise(answered <= MAX_ANSWER_BYTES, 'an answer is bounded');
    promise(closed !== 'closed-by-peer', 'nobody closes what is not proved');
    return `${answered > 0} ${closed} ${datagram[0]}`;
  },
};

function open(
  role: 'server' | 'client',
  send: (datagram: Buffer) => void,
  onClosed: (reason: string) => void = () => {},
): Dtls {
  return new Dtls({
    role,
    certificate,
    remoteFingerprints: [{ algorithm: 'sha-256', value: 'AA' }],
    send,
    onConnected: () => {
      throw new Error('broken: nobody proved anything');
    },
    onData: () => {},
    onClosed,
  });
}
