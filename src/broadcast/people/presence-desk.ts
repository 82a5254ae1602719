// Who is here in each broadcast, told at most four times a second, less often to many. It must not know why a session changed.

import type { Announcer } from '../announcer.ts';
import type { Clock } from '../ports.ts';
import { Deadlines } from '../session/deadlines.ts';
import type { Session } from '../session/session.ts';
import type { PresenceView } from './people-service.ts';
import { Presence } from './presence.ts';

const GATHER_MS = 250;
const NOBODY: PresenceView = { people: [], total: 0 };

export class PresenceDesk {
  readonly #clock: Clock;
  readonly #announcer: Announcer;
  readonly #presences = new Map<string, Presence>();
  readonly #untold: Deadlines<string>;

  constructor(clock: Clock, announcer: Announcer) {
    this.#clock = clock;
    this.#announcer = announcer;
    this.#untold = new Deadlines(clock, (broadcast) => this.#tell(broadcast));
  }

  view(broadcast: string): PresenceView {
    return this.#presences.get(broadcast)?.view ?? NOBODY;
  }

  /** To be called after each change of a session. One that is away for a moment still is here. */
  note(session: Session): void {
    const { broadcast, name, role } = session;
    const isListed = name !== '' && session.counts;
    const presence = this.#presences.get(broadcast) ?? (isListed ? new Presence() : undefined);
    if (!presence) return;
    this.#presences.set(broadcast, presence);
    presence.set(session.alias, isListed ? { viewer: session.alias, name, role } : undefined);
    this.#follow(broadcast, presence);
  }

  close(): void {
    this.#untold.clear();
    this.#presences.clear();
  }

  #tell(broadcast: string): void {
    const presence = this.#presences.get(broadcast);
    const change = presence?.tell();
    if (presence) this.#follow(broadcast, presence);
    if (change) this.#announcer.emit({ type: 'presence', broadcast, change });
  }

  #follow(broadcast: string, presence: Presence): void {
    if (presence.isOver) this.#presences.delete(broadcast);
    else if (presence.isUntold && !this.#untold.has(broadcast)) {
      this.#untold.set(broadcast, this.#clock.now() + this.#announcer.gatherMs(broadcast, GATHER_MS));
    }
  }
}
