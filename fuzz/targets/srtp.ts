// SRTP and SRTCP: whatever comes from an address that passed ICE. Only what the peer protected comes out.

import { SrtpSession } from '../../src/media/transport/srtp.ts';
import { type SrtpProfile, saltLength } from '../../src/media/transport/srtp-keys.ts';
import { BYTE_MUTATIONS } from '../mutations.ts';
import { type FuzzTarget, promise } from '../target.ts';
import { bytesOf } from './corpus.ts';

const PROFILES: readonly SrtpProfile[] = [7, 1];
const PLAIN_RTP = [
  bytesOf('80600001 00000bb8 00000fa1 10000000'),
  bytesOf('90e00002 00000bb8 00000fa1 bede0001 10300000 10000000 11223344'),
];
const PLAIN_RTCP = [bytesOf('81c90007 00000fa1 00000001 00000000 0000ffff 00000000 00000000 00000000')];

/** What the peer protected under each profile. */
const protectedBy = new Map(
  PROFILES.map((profile) => {
    const peer = session(profile, 'peer');
    const packets = [
      ...PLAIN_RTP.map((packet) => peer.protectRtp(packet)),
      ...PLAIN_RTCP.map((packet) => peer.protectRtcp(packet)),
    ];
    return [profile, packets.map((packet) => packet.toString('hex'))] as const;
  }),
);

/** Our side, fresh or only ever fed what it refused. */
const standing = new Map<SrtpProfile, SrtpSession>();

export const srtp: FuzzTarget = {
  name: 'srtp',
  seeds: [...protectedBy.values()].flat().map((hex) => bytesOf(hex)),
  mutations: BYTE_MUTATIONS,
  maxBytes: 1500,
  maxMs: 10,
  check(input) {
    const hex = Buffer.from(input).toString('hex');
    return PROFILES.map((profile) => {
      const isKnown = protectedBy.get(profile)?.includes(hex) ?? false;
      // What is refused leaves no trace, so one session does for all that is not authentic.
      const us = isKnown ? session(profile, 'us') : (standing.get(profile) ?? session(profile, 'us'));
      standing.set(profile, isKnown ? session(profile, 'us') : us);
      const packets = [us.unprotectRtp(input), us.unprotectRtcp(input)];
      for (const packet of packets) {
        promise(packet === undefined || isKnown, 'only what the peer protected is authentic');
        promise(packet === undefined || packet.length < input.length, 'protection takes room');
      }
      if (isKnown) {
        promise(packets.filter((packet) => packet !== undefined).length === 1, 'what the peer protected comes out');
        promise(us.unprotectRtp(input) === undefined && us.unprotectRtcp(input) === undefined, 'nothing comes twice');
      }
      return packets.map((packet) => packet !== undefined).join('+');
    }).join(' ');
  },
};

function session(profile: SrtpProfile, side: 'us' | 'peer'): SrtpSession {
  const [one, two] = [1, 2].map((fill) => ({
    key: Buffer.alloc(16, fill),
    salt: Buffer.alloc(saltLength(profile), fill + 2),
  }));
  const [local, remote] = side === 'us' ? [one, two] : [two, one];
  if (!local || !remote) throw new Error('two sets of keys');
  return new SrtpSession({
    profile,
    localKey: local.key,
    localSalt: local.salt,
    remoteKey: remote.key,
    remoteSalt: remote.salt,
  });
}
