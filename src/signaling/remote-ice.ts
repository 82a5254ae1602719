// What one session's client said about its ICE, and whose turn it is to change it.
// It tells trickle from restart by comparing credentials (RFC 9725 §4.3.3), never by headers.

import { type IceCredentials, isSameIce } from './sdp-fragment.ts';

/** `current`: trickle. `past`: a fragment that was overtaken by a restart. `new`: an ICE restart. */
export type Generation = 'current' | 'past' | 'new';

const PAST_GENERATIONS = 8;

export class RemoteIce {
  #current: readonly IceCredentials[];
  #past: readonly IceCredentials[] = [];
  #lastTurn: Promise<unknown> = Promise.resolve();

  /** An offer may have one pair for each media section. */
  constructor(offered: readonly IceCredentials[]) {
    this.#current = offered;
  }

  generationOf(credentials: IceCredentials): Generation {
    const isThis = (known: IceCredentials) => isSameIce(known, credentials);
    if (this.#current.some(isThis)) return 'current';
    return this.#past.some(isThis) ? 'past' : 'new';
  }

  restarted(credentials: IceCredentials): void {
    this.#past = [...this.#current, ...this.#past].slice(0, PAST_GENERATIONS);
    this.#current = [credentials];
  }

  /** Runs one change after the other: PATCH requests of a session may overlap. */
  inTurn<T>(change: () => Promise<T>): Promise<T> {
    const turn = this.#lastTurn.then(change);
    this.#lastTurn = turn.catch(() => {});
    return turn;
  }
}
