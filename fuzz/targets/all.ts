// Every parser that reads what the network brings. A new one gets a target here. It must not know how they are run.

import type { FuzzTarget } from '../target.ts';
import { codecFacts } from './codec-facts.ts';
import { dtls } from './dtls.ts';
import { ingress } from './ingress.ts';
import { rtcp } from './rtcp.ts';
import { rtp } from './rtp.ts';
import { sctp } from './sctp.ts';
import { sdpFragment } from './sdp-fragment.ts';
import { sdpOffer } from './sdp-offer.ts';
import { srtp } from './srtp.ts';
import { stun } from './stun.ts';

export const TARGETS: readonly FuzzTarget[] = [
  stun,
  dtls,
  srtp,
  rtp,
  rtcp,
  codecFacts,
  ingress,
  sctp,
  sdpOffer,
  sdpFragment,
];
