// What viewers are told about a publisher who is not there.

import { expect, test } from 'vitest';
import type { BroadcastReason, SessionState } from '../service.ts';
import { reasonAfter } from './absence.ts';
import type { SessionEvent } from './session-state.ts';

test.each<[string, [SessionEvent, SessionState, BroadcastReason?][], BroadcastReason | undefined]>([
  ['its page said leaving', [['leave', 'away']], 'left'],
  ['nothing comes from it', [['silent', 'away']], 'connection-lost'],
  ['its transport failed', [['transport-closed', 'away']], 'connection-lost'],
  ['it closed its transport', [['transport-closed', 'away', 'left']], 'left'],
  ['its worker died', [['transport-closed', 'away', 'server-restarted']], 'server-restarted'],
  ['the server was started again', [['restored', 'away']], 'server-restarted'],
  ['a new connection takes the place of the old one', [['transport-opened', 'connecting']], 'replaced'],
  [
    'it is on its way back',
    [
      ['leave', 'away'],
      ['transport-opened', 'connecting'],
    ],
    'left',
  ],
  [
    'it did not come up after it left',
    [
      ['leave', 'away'],
      ['transport-opened', 'connecting'],
      ['deadline', 'away'],
    ],
    'left',
  ],
  [
    'a new connection did not come up',
    [
      ['transport-opened', 'connecting'],
      ['deadline', 'away'],
    ],
    'connection-lost',
  ],
  [
    'it is back',
    [
      ['leave', 'away'],
      ['transport-opened', 'connecting'],
      ['connected', 'connected'],
    ],
    undefined,
  ],
  ['it stopped', [['stop', 'ended']], 'stopped'],
  ['somebody else stopped it', [['stop', 'ended', 'removed']], 'removed'],
  [
    'it did not come back',
    [
      ['leave', 'away'],
      ['deadline', 'ended'],
    ],
    'grace-over',
  ],
])('%s', (_, events, reason) => {
  const last = events.reduce<BroadcastReason | undefined>(
    (before, [event, state, told]) => reasonAfter(before, event, state, told),
    undefined,
  );
  expect(last).toBe(reason);
});
