// Hundreds of viewers who come and go leave the process as they found it. `npm run soak` does it with thousands.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDtlsCertificate } from '../../media/transport/certificate.ts';
import { joinAndLeave } from '../joins.ts';
import { type ProcessFigures, processFigures } from '../process-figures.ts';
import { eventually } from '../server.ts';
import { ServerProcess } from '../server-process.ts';

const JOINS = 200;
const WARM_UP_JOINS = 20;

let server: ServerProcess;

beforeAll(async () => {
  server = await ServerProcess.start({ VIEWER_GRACE: '0', FANLIGHT_OFFERS_PER_MINUTE: '100000' });
});
afterAll(() => server.stop());

it('gives back sockets, timers and places when viewers stop or close their page', { timeout: 60_000 }, async () => {
  const certificate = await createDtlsCertificate();
  const endpoint = `${server.url}/whep/soak`;
  const come = (joins: number) =>
    joinAndLeave({ endpoint, certificate, joins, atOnce: 4, leaves: (join) => (join % 4 === 0 ? 'close' : 'delete') });
  const figures = (): Promise<ProcessFigures> => processFigures(server.pid, server.url);

  expect(await come(WARM_UP_JOINS)).toEqual([]);
  await eventually('nobody is here', async () => (await figures()).viewers === 0);
  const before = await figures();
  expect(await come(JOINS)).toEqual([]);
  // Connections that a client keeps open for its next request come and go by themselves.
  const after = await eventually('all is given back', async () => {
    const now = await figures();
    const isBack = now.viewers === 0 && now.broadcasts === 0 && now.descriptors <= before.descriptors + 2;
    return isBack && now.activeResources <= before.activeResources + 2 && now;
  });
  expect(after.threads).toBe(before.threads);
});
