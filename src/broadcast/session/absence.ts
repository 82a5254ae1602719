// Why a publisher is not there, as its viewers are told. Pure. It must not know broadcasts, transports or words for people.

import type { TransportEndReason } from '../ports.ts';
import type { BroadcastReason, SessionState } from '../service.ts';
import type { SessionEvent } from './session-state.ts';

const REASON_OF: Partial<Record<SessionEvent, BroadcastReason>> = {
  leave: 'left',
  silent: 'connection-lost',
  'transport-closed': 'connection-lost',
  restored: 'server-restarted',
  stop: 'stopped',
  deadline: 'grace-over',
};

/** What a publisher's transport ended by, as viewers are told; where nothing stands it is a connection that was lost. */
export const REASON_OF_CLOSING: Partial<Record<TransportEndReason, BroadcastReason>> = {
  'closed-by-peer': 'left',
  'worker-died': 'server-restarted',
};

/**
 * The reason after an event that led to `state`; undefined while it is there. `told` is what somebody knows better.
 * One that is on its way back is still away for the reason of before.
 */
export function reasonAfter(
  before: BroadcastReason | undefined,
  event: SessionEvent,
  state: SessionState,
  told?: BroadcastReason,
): BroadcastReason | undefined {
  if (state === 'connected') return undefined;
  // A connection that takes the place of one that was there, of the same publisher or of another one.
  if (state === 'connecting') return before ?? 'replaced';
  if (told !== undefined) return told;
  // It did not come up in time, and may still.
  if (state === 'away' && event === 'deadline') return before === 'replaced' ? 'connection-lost' : before;
  return REASON_OF[event] ?? before;
}
