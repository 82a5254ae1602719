import { describe, expect, it } from 'vitest';
import { RtpHeader, SrtcpSession, SrtpSession as WeriftSrtpSession } from 'werift';
import { parseRtp, writeRtpHeader } from '../../rtp/packet.ts';
import { randomBytes, seededRandom } from '../../rtp/seeded-network.ts';
import { estimatePacketIndex, SrtpSession } from './srtp.ts';
import { type SrtpProfile, saltLength } from './srtp-keys.ts';

const STARTS = [0, 1, 127, 32767, 32768, 65534, 65535];
const PROFILES = [7, 1] as const;
const SSRC = 0x89ab_cdef;

function sessions(profile: SrtpProfile): { sender: SrtpSession; receiver: SrtpSession } {
  const [ourKey, theirKey] = [Buffer.alloc(16, 1), Buffer.alloc(16, 2)];
  const [ourSalt, theirSalt] = [Buffer.alloc(saltLength(profile), 3), Buffer.alloc(saltLength(profile), 4)];
  const us = { profile, localKey: ourKey, localSalt: ourSalt, remoteKey: theirKey, remoteSalt: theirSalt };
  const them = { profile, localKey: theirKey, localSalt: theirSalt, remoteKey: ourKey, remoteSalt: ourSalt };
  return { sender: new SrtpSession(us), receiver: new SrtpSession(them) };
}

/** A packet whose payload tells its number without wrap-around. */
function rtp(number: number, ssrc = SSRC): Buffer {
  const packet = Buffer.alloc(12 + 6);
  writeRtpHeader(packet, { payloadType: 96, marker: false, sequence: number & 0xffff, timestamp: 7, ssrc });
  packet.writeUIntBE(number, 12, 6);
  return packet;
}

const receiverReport = (ssrc = SSRC) => {
  const packet = Buffer.from('80c9000100000000', 'hex');
  packet.writeUInt32BE(ssrc, 4);
  return packet;
};

describe('the packet index (RFC 3711 §3.3.1)', () => {
  it.each([
    [0, 1, 1],
    [65535, 0, 65536],
    [65536, 65535, 65535],
    [65540, 65530, 65530],
    [65530, 5, 65541],
    [60000, 20000, 65536 + 20000],
    [65536 + 20000, 60000, 60000],
    [40000, 7232, 7232],
    [40000, 7231, 65536 + 7231],
    [30000, 62768, 62768],
    [65536 + 30000, 62768, 65536 + 62768],
    [65536 + 30000, 62769, 62769],
    [5, 65530, 65530],
    [3 * 65536 + 10, 65000, 2 * 65536 + 65000],
  ])('with highest %i, sequence %i is %i', (highest, sequence, index) => {
    expect(estimatePacketIndex(highest, sequence)).toBe(index);
  });
});

describe.each(PROFILES)('SRTP profile %i', (profile) => {
  it.each(STARTS)('carries packets across the wrap, starting at %i', (start) => {
    const { sender, receiver } = sessions(profile);
    for (let number = start; number < start + 40; number++) {
      const packet = rtp(number);
      const protectedPacket = sender.protectRtp(packet);
      expect(protectedPacket.subarray(12, 18)).not.toEqual(packet.subarray(12));
      expect(receiver.unprotectRtp(protectedPacket)).toEqual(packet);
    }
  });

  it.each([2, 100, 5000, 30_000])('survives the loss of %i packets across the wrap', (lost) => {
    const { sender, receiver } = sessions(profile);
    const start = 65535 - Math.floor(lost / 2);
    for (const number of [start - 1, start + lost, start + lost + 1]) {
      const packet = rtp(number);
      expect(receiver.unprotectRtp(sender.protectRtp(packet))).toEqual(packet);
    }
  });

  it('protects an old packet for a retransmission as it did before, and goes on', () => {
    const { sender, receiver } = sessions(profile);
    const first = sender.protectRtp(rtp(65530));
    for (let number = 65531; number < 65536 + 10; number++) receiver.unprotectRtp(sender.protectRtp(rtp(number)));
    const again = sender.protectRtp(rtp(65530));
    expect(again).toEqual(first);
    expect(receiver.unprotectRtp(again)).toEqual(rtp(65530));
    expect(receiver.unprotectRtp(sender.protectRtp(rtp(65536 + 10)))).toEqual(rtp(65536 + 10));
  });

  it('numbers by the highest packet sent, not by the last', () => {
    const { sender, receiver } = sessions(profile);
    for (const number of [60_000, 80_000]) receiver.unprotectRtp(sender.protectRtp(rtp(number)));
    sender.protectRtp(rtp(60_000));
    expect(receiver.unprotectRtp(sender.protectRtp(rtp(100_000)))).toEqual(rtp(100_000));
  });

  it('accepts a source whose first packets, before the wrap, were lost', () => {
    const { sender, receiver } = sessions(profile);
    sender.protectRtp(rtp(65535));
    expect(receiver.unprotectRtp(sender.protectRtp(rtp(65536 + 3)))).toEqual(rtp(65536 + 3));
    expect(receiver.unprotectRtp(sender.protectRtp(rtp(65536 + 4)))).toEqual(rtp(65536 + 4));
    expect(receiver.unprotectRtp(sender.protectRtp(rtp(65535)))).toEqual(rtp(65535));
  });

  it('accepts each packet once, in any order', () => {
    const { sender, receiver } = sessions(profile);
    const random = seededRandom(3);
    const sent = Array.from({ length: 600 }, (_, at) => sender.protectRtp(rtp(65300 + at)));
    const shuffled = [...sent, ...sent]
      .map((packet, at) => ({ packet, at: (at % sent.length) + random() * 400 }))
      .sort((one, other) => one.at - other.at);
    const received = shuffled
      .map(({ packet }) => receiver.unprotectRtp(packet))
      .filter((packet) => packet !== undefined);
    const numbers = received.map((packet) => packet.readUIntBE(12, 6)).sort((one, other) => one - other);
    expect(numbers).toEqual(sent.map((_, at) => 65300 + at));
  });

  it('refuses what is older than the replay window', () => {
    const { sender, receiver } = sessions(profile);
    const old = sender.protectRtp(rtp(100));
    const justInside = sender.protectRtp(rtp(101));
    expect(receiver.unprotectRtp(sender.protectRtp(rtp(100 + 2048)))).toBeDefined();
    expect(receiver.unprotectRtp(old)).toBeUndefined();
    expect(receiver.unprotectRtp(justInside)).toEqual(rtp(101));
  });

  it('refuses any changed bit, and takes the true packet afterwards', () => {
    const { sender, receiver } = sessions(profile);
    receiver.unprotectRtp(sender.protectRtp(rtp(1)));
    const genuine = sender.protectRtp(rtp(2));
    for (let bit = 0; bit < genuine.length * 8; bit++) {
      const forged = Buffer.from(genuine);
      forged[bit >> 3] = (forged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(receiver.unprotectRtp(forged)).toBeUndefined();
    }
    expect(receiver.unprotectRtp(genuine)).toEqual(rtp(2));
  });

  it('authenticates CSRCs and header extensions but leaves them readable', () => {
    const { sender, receiver } = sessions(profile);
    const header = Buffer.from('91e0000100000002000000030000000abede000110610000', 'hex');
    const packet = Buffer.concat([header, Buffer.from('payload')]);
    const protectedPacket = sender.protectRtp(packet);
    expect(protectedPacket.subarray(0, header.length)).toEqual(header);
    const forged = Buffer.from(protectedPacket);
    forged[21] = 0x62;
    expect(receiver.unprotectRtp(forged)).toBeUndefined();
    expect(receiver.unprotectRtp(protectedPacket)).toEqual(packet);
  });

  it('leaves the received bytes as they were', () => {
    const { sender, receiver } = sessions(profile);
    const wire = sender.protectRtp(rtp(1));
    const copy = Buffer.from(wire);
    receiver.unprotectRtp(wire);
    expect(wire).toEqual(copy);
  });

  it('keeps SSRCs apart, and makes room for the 65th', () => {
    const { sender, receiver } = sessions(profile);
    for (let ssrc = 0; ssrc < 100; ssrc++) {
      expect(receiver.unprotectRtp(sender.protectRtp(rtp(5, ssrc)))).toEqual(rtp(5, ssrc));
      expect(receiver.unprotectRtcp(sender.protectRtcp(receiverReport(ssrc)))).toEqual(receiverReport(ssrc));
    }
  });

  it('forgets the SSRC that was silent longest, of which only later packets are believed', () => {
    const { sender, receiver } = sessions(profile);
    const [late, early] = [sender.protectRtp(rtp(65_535, 0)), sender.protectRtp(rtp(65_530, 0))];
    receiver.unprotectRtp(late);
    const lateOfOne = sender.protectRtp(rtp(3, 1));
    for (let ssrc = 1; ssrc < 64; ssrc++) receiver.unprotectRtp(sender.protectRtp(rtp(5, ssrc)));
    // 1 speaks again, so that 0 and 2 are those that make room.
    receiver.unprotectRtp(sender.protectRtp(rtp(6, 1)));
    for (const ssrc of [64, 65]) expect(receiver.unprotectRtp(sender.protectRtp(rtp(5, ssrc)))).toBeDefined();
    expect(receiver.unprotectRtp(lateOfOne)).toEqual(rtp(3, 1));
    for (const replayed of [late, early]) expect(receiver.unprotectRtp(replayed)).toBeUndefined();
    // It goes on across the wrap, and what it sent before stays refused.
    expect(receiver.unprotectRtp(sender.protectRtp(rtp(65_540, 0)))).toEqual(rtp(65_540, 0));
    for (const replayed of [late, early]) expect(receiver.unprotectRtp(replayed)).toBeUndefined();
    expect(receiver.unprotectRtp(sender.protectRtp(rtp(65_537, 0)))).toEqual(rtp(65_537, 0));
  });

  it('does the same with RTCP', () => {
    const { sender, receiver } = sessions(profile);
    const [first, second] = [sender.protectRtcp(receiverReport(0)), sender.protectRtcp(receiverReport(0))];
    receiver.unprotectRtcp(second);
    for (let ssrc = 1; ssrc < 70; ssrc++) receiver.unprotectRtcp(sender.protectRtcp(receiverReport(ssrc)));
    for (const replayed of [first, second]) expect(receiver.unprotectRtcp(replayed)).toBeUndefined();
    expect(receiver.unprotectRtcp(sender.protectRtcp(receiverReport(0)))).toEqual(receiverReport(0));
    for (const replayed of [first, second]) expect(receiver.unprotectRtcp(replayed)).toBeUndefined();
  });

  it('takes no further SSRC when it cannot remember more, rather than forget what was sent', () => {
    const { sender, receiver } = sessions(profile);
    const first = sender.protectRtp(rtp(5, 0));
    receiver.unprotectRtp(first);
    for (let ssrc = 1; ssrc < 64 + 1024; ssrc++) receiver.unprotectRtp(sender.protectRtp(rtp(5, ssrc)));
    expect(receiver.unprotectRtp(sender.protectRtp(rtp(5, 2000)))).toBeUndefined();
    expect(receiver.unprotectRtp(first)).toBeUndefined();
    for (const known of [0, 1087]) expect(receiver.unprotectRtp(sender.protectRtp(rtp(6, known)))).toBeDefined();
  });

  it('forged SSRCs do not use up the room of true ones', () => {
    const { sender, receiver } = sessions(profile);
    const stranger = sessions(profile).receiver;
    for (let ssrc = 0; ssrc < 200; ssrc++) {
      expect(receiver.unprotectRtp(stranger.protectRtp(rtp(5, ssrc)))).toBeUndefined();
      expect(receiver.unprotectRtcp(stranger.protectRtcp(receiverReport(ssrc)))).toBeUndefined();
    }
    expect(receiver.unprotectRtp(sender.protectRtp(rtp(5)))).toEqual(rtp(5));
    expect(receiver.unprotectRtcp(sender.protectRtcp(receiverReport()))).toEqual(receiverReport());
  });

  it('accepts each RTCP packet once, also out of order', () => {
    const { sender, receiver } = sessions(profile);
    const sent = Array.from({ length: 20 }, () => sender.protectRtcp(receiverReport()));
    for (const packet of sent.toReversed()) expect(receiver.unprotectRtcp(packet)).toEqual(receiverReport());
    for (const packet of sent) expect(receiver.unprotectRtcp(packet)).toBeUndefined();
  });

  it('refuses any changed bit of RTCP', () => {
    const { sender, receiver } = sessions(profile);
    const genuine = sender.protectRtcp(receiverReport());
    for (let bit = 0; bit < genuine.length * 8; bit++) {
      const forged = Buffer.from(genuine);
      forged[bit >> 3] = (forged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(receiver.unprotectRtcp(forged)).toBeUndefined();
    }
    expect(receiver.unprotectRtcp(genuine)).toEqual(receiverReport());
  });

  it('takes any bytes from the network without throwing', () => {
    const { receiver } = sessions(profile);
    const random = seededRandom(4);
    for (let round = 0; round < 1000; round++) {
      const bytes = Buffer.from(randomBytes(random, 50));
      if (bytes.length > 0 && round % 2 === 0) bytes[0] = 0x80 | ((bytes[0] ?? 0) & 0x13);
      expect(receiver.unprotectRtp(bytes)).toBeUndefined();
      expect(receiver.unprotectRtcp(bytes)).toBeUndefined();
    }
  });

  it('does not encrypt what is not RTP or RTCP', () => {
    const { sender } = sessions(profile);
    expect(() => sender.protectRtp(Buffer.alloc(11))).toThrow('Not an RTP packet');
    expect(() => sender.protectRtcp(Buffer.alloc(7))).toThrow('Not an RTCP packet');
  });

  it('is understood by another implementation, and understands it', () => {
    const { sender } = sessions(profile);
    const keys = {
      localMasterKey: Buffer.alloc(16, 2),
      localMasterSalt: Buffer.alloc(saltLength(profile), 4),
      remoteMasterKey: Buffer.alloc(16, 1),
      remoteMasterSalt: Buffer.alloc(saltLength(profile), 3),
    };
    const theirRtp = new WeriftSrtpSession({ keys, profile });
    const theirRtcp = new SrtcpSession({ keys, profile });
    for (let number = 65530; number < 65545; number++) {
      expect(theirRtp.decrypt(sender.protectRtp(rtp(number)))).toEqual(rtp(number));
      expect(theirRtcp.decrypt(sender.protectRtcp(receiverReport()))).toEqual(receiverReport());

      const header = new RtpHeader({ payloadType: 96, sequenceNumber: number & 0xffff, timestamp: 7, ssrc: SSRC });
      const received = sender.unprotectRtp(theirRtp.encrypt(Buffer.from([number & 0xff]), header));
      expect(received && parseRtp(received)).toMatchObject({ sequence: number & 0xffff, ssrc: SSRC, payloadLength: 1 });
      expect(received?.at(-1)).toBe(number & 0xff);
      expect(sender.unprotectRtcp(theirRtcp.encrypt(receiverReport()))).toEqual(receiverReport());
    }
  });
});
