// Asks clients for another connection, each after a time of its own, so that many do not come in one moment.
// It must not know why they are asked, nor how they hear of it.

import type { Announcer } from './announcer.ts';
import type { ReconnectReason } from './service.ts';
import type { Session } from './session/session.ts';

/** So much more time for each that is asked: 400 a second. */
const EACH_MS = 2.5;
const LONGEST_MS = 3_000;
/** A server that stops may still be known under its address for a moment. */
const SHORTEST_MS: Record<ReconnectReason, number> = { 'server-stopping': 200, codec: 0 };

/** 0 up to, and not including, 1. */
export type Jitter = () => number;

/** The time over which so many are spread, `atMostMs` of it. */
export function windowMs(sessions: number, reason: ReconnectReason, atMostMs = LONGEST_MS): number {
  return Math.min(LONGEST_MS, atMostMs, Math.max(SHORTEST_MS[reason], sessions * EACH_MS));
}

export function recall(
  sessions: readonly Session[],
  reason: ReconnectReason,
  { announcer, jitter, atMostMs }: { announcer: Announcer; jitter: Jitter; atMostMs?: number },
): void {
  const window = windowMs(sessions.length, reason, atMostMs);
  for (const { id: sessionId, role } of sessions) {
    // Publishers go last: until they do, who has gone already still sees the picture from here.
    const share = role === 'publisher' ? 1 : jitter();
    announcer.emit({ type: 'reconnect', sessionId, reason, afterMs: Math.round(share * window) });
  }
}
