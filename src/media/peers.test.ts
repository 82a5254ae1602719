// Which peers a worker has. What passes between them and the network is in media-worker.test.ts and transport/.

import { expect, test } from 'vitest';
import { CHROME_PUBLISHER, sdp } from '../test/sample-offers.ts';
import { Audience } from './egress/audience.ts';
import { CatchUpTurns } from './egress/catch-up-turns.ts';
import { SendLoad } from './fanout/gatherer.ts';
import { PortableEngine } from './fanout/portable-engine.ts';
import { Peers } from './peers.ts';
import { createDtlsCertificate } from './transport/certificate.ts';
import { UdpFront } from './transport/udp-front.ts';

const now = () => 1_000_000;
const startMemory = { maxBytes: 0, maxMs: 0 };

test('the publishers of a broadcast are known, the oldest first, until they are closed', async () => {
  const front = await UdpFront.bind(0, '127.0.0.1');
  const audience = new Audience({
    engine: new PortableEngine({ sender: front, cname: 'cname' }),
    load: new SendLoad(now),
    now,
    startMemory,
    catchUpTurns: new CatchUpTurns(now, 1),
    wishKeyFrame: () => {},
    sendTimed: () => {},
    onTimedDropped: () => {},
    onWanted: () => {},
  });
  const peers = new Peers({
    settings: {
      index: 0,
      workers: 1,
      udpPort: 0,
      host: '127.0.0.1',
      certificate: await createDtlsCertificate(),
      announcedAddresses: [],
      hostAddresses: [],
      maxPendingTransports: 10,
      startMemory,
      fanout: 'portable',
      clockOrigin: { unixMs: 0, monotonicMs: 0 },
    },
    front,
    audience,
    counters: { rtpPacketsReceived: 0, dataMessagesSent: 0, rtpPacketsDropped: {} },
    now,
    onItem: () => {},
    tell: () => {},
    onTrouble: () => {},
  });
  const offer = sdp(CHROME_PUBLISHER);
  const open = (transportId: string, broadcast: string) =>
    peers.open({ transportId, broadcast, role: 'publisher', offer, addressHints: [], requiredTracks: [] });
  const publishersOf = (broadcast: string) => peers.publishersOf(broadcast).map(({ id }) => id);

  open('old', 'b');
  open('elsewhere', 'c');
  open('new', 'b');
  expect(publishersOf('b')).toEqual(['old', 'new']);
  expect(publishersOf('c')).toEqual(['elsewhere']);
  peers.close('old');
  peers.close('old');
  expect(publishersOf('b')).toEqual(['new']);
  peers.publisher('new')?.onClosed('failed', '');
  expect(publishersOf('b')).toEqual([]);
  peers.close('elsewhere');
  await front.close();
});
