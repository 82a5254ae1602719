// The life of a session as a pure state machine; deadlines are data. It must not know timers, transports or the store.

import type { Role } from '../ports.ts';
import type { SessionEndReason, SessionState } from '../service.ts';

export interface SessionLife {
  readonly role: Role;
  readonly state: SessionState;
  /** Unix ms at which the event `deadline` is due. */
  readonly deadlineMs: number | undefined;
  readonly endReason: SessionEndReason | undefined;
}

export type SessionEvent =
  /** A new transport was answered, the first one or a replacement. */
  | 'transport-opened'
  | 'connected'
  | 'silent'
  | 'active'
  | 'transport-closed'
  | 'leave'
  | 'taken-over'
  /** Its place is needed for somebody who is there. */
  | 'displaced'
  | 'stop'
  | 'deadline'
  /** Read from the store after a restart of the server. */
  | 'restored'
  | 'server-stopping';

export interface SessionLimits {
  readonly setupMs: number;
  readonly publisherGraceMs: number;
  readonly viewerGraceMs: number;
}

/** What is not in the table changes nothing: an absent session's grace is never prolonged by one more bad sign. */
const NEXT: Record<SessionState, Partial<Record<SessionEvent, SessionState>>> = {
  connecting: {
    'transport-opened': 'connecting',
    connected: 'connected',
    'transport-closed': 'away',
    leave: 'away',
    deadline: 'away',
    restored: 'away',
    'taken-over': 'ended',
    stop: 'ended',
    'server-stopping': 'ended',
  },
  connected: {
    'transport-opened': 'connecting',
    silent: 'away',
    'transport-closed': 'away',
    leave: 'away',
    'taken-over': 'ended',
    stop: 'ended',
    'server-stopping': 'ended',
  },
  away: {
    'transport-opened': 'connecting',
    connected: 'connected',
    active: 'connected',
    deadline: 'ended',
    displaced: 'ended',
    'taken-over': 'ended',
    stop: 'ended',
    'server-stopping': 'ended',
  },
  ended: {},
};

const END_REASON: Partial<Record<SessionEvent, SessionEndReason>> = {
  'taken-over': 'taken-over',
  displaced: 'grace-over',
  stop: 'stopped',
  deadline: 'grace-over',
  'server-stopping': 'server-stopping',
};

/** A session before its first event, which is `transport-opened` or `restored`. */
export function newborn(role: Role): SessionLife {
  return { role, state: 'connecting', deadlineMs: undefined, endReason: undefined };
}

/** The life after the event; the same object when the event changes nothing. */
export function transition(life: SessionLife, event: SessionEvent, nowMs: number, limits: SessionLimits): SessionLife {
  if (event === 'deadline' && (life.deadlineMs === undefined || nowMs < life.deadlineMs)) return life;
  const state = NEXT[life.state][event];
  if (state === undefined) return life;
  return {
    role: life.role,
    state,
    deadlineMs: deadlineOf(state, life.role, nowMs, limits),
    endReason: state === 'ended' ? END_REASON[event] : undefined,
  };
}

function deadlineOf(state: SessionState, role: Role, nowMs: number, limits: SessionLimits): number | undefined {
  switch (state) {
    case 'connecting':
      return nowMs + limits.setupMs;
    case 'away':
      return nowMs + (role === 'publisher' ? limits.publisherGraceMs : limits.viewerGraceMs);
    default:
      return undefined;
  }
}
