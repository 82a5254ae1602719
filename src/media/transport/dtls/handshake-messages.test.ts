import { describe, expect, it } from 'vitest';
import { handshakeMessage, MessageAssembly } from './handshake-messages.ts';

const CERTIFICATE = 11;
const FINISHED = 20;

describe('messages that are put together', () => {
  it('have nothing of the datagram that they came in', () => {
    const assembly = new MessageAssembly();
    const bytes = handshakeMessage(CERTIFICATE, 1, Buffer.from('a certificate'));
    const datagram = Buffer.from(bytes);
    assembly.add(datagram, 1);
    datagram.fill(0);
    expect(assembly.take(1)?.bytes).toEqual(bytes);
  });

  it('are never a Finished, which does not come in plain text', () => {
    const assembly = new MessageAssembly();
    assembly.add(handshakeMessage(FINISHED, 4, Buffer.alloc(12)), 4);
    expect(assembly.take(4)).toBeUndefined();
    assembly.add(handshakeMessage(CERTIFICATE, 4, Buffer.alloc(12)), 4);
    expect(assembly.take(4)?.type).toBe(CERTIFICATE);
  });
});
