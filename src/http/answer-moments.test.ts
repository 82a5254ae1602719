// The moments of an answered offer, as who measures joins is told them.

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { expect, it } from 'vitest';
import { parseConfig } from '../config.ts';
import { createSessionResource } from '../signaling/session-resource.ts';
import { offerWith } from '../test/running-app.ts';
import { Stage } from '../test/stage.ts';
import { Rights } from './rights.ts';

it('are told before the answer leaves, however long its leaving takes', async () => {
  const stage = new Stage();
  const told: string[] = [];
  let nowMs = 100;
  const resource = createSessionResource({
    role: 'publisher',
    path: '/whip',
    service: stage.registry,
    access: new Rights(parseConfig({})),
    strict: false,
    iceServers: () => [],
    addressHints: () => [],
    now: () => nowMs++,
    onAnswered: (_opened, { askedAtMs, answeredAtMs }) => told.push(`answered ${askedAtMs} ${answeredAtMs}`),
  });
  const app = express();
  app.use((_request, response, next) => {
    const end = response.end.bind(response);
    response.end = ((body: string) => {
      told.push('left');
      nowMs += 20;
      return end(body);
    }) as typeof response.end;
    next();
  });
  app.use('/whip', resource.router);
  const server = app.listen(0, '127.0.0.1');
  try {
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const response = await fetch(`http://127.0.0.1:${port}/whip/live`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/sdp' },
      body: offerWith(),
    });
    expect(response.status).toBe(201);
    expect(told).toEqual(['answered 100 102', 'left']);
  } finally {
    resource.close();
    server.close();
  }
});
