// What viewers on a worker are sent over data channels, in one order for each broadcast; and what is lost when more comes
// than can be served. It must not know transports, offers or where messages come from.

import type { DataMessage } from '../../broadcast/ports.ts';
import type { Audience } from './audience.ts';
import { DataRounds } from './data-rounds.ts';

/** Label → how many messages, and the last of them. */
type LostData = Map<string, { readonly messages: number; readonly newest: DataMessage }>;

export class ViewerData {
  readonly #audience: Audience;
  readonly #rounds = new DataRounds((viewer, error) => viewer.transport?.onTrouble(error));
  /** What a broadcast lost since its queue was full, until its viewers begin to hear of it. */
  readonly #lost = new Map<string, LostData>();

  constructor(audience: Audience) {
    this.#audience = audience;
  }

  openLabel(broadcast: string, label: string): void {
    this.#rounds.add(broadcast, this.#audience.viewersOf(broadcast), (viewer) => {
      if (viewer.dataStarted) viewer.openLabel(label);
    });
  }

  /** Behind the messages that its snapshot has already, and before those that follow. */
  start(transportId: string, labels: readonly string[], snapshot: readonly DataMessage[]): void {
    const viewer = this.#audience.viewer(transportId);
    if (!viewer) return;
    // Its snapshot has what was lost before.
    this.#lost.delete(viewer.broadcast);
    this.#rounds.add(viewer.broadcast, [viewer], () => viewer.startData(labels, snapshot));
  }

  send(broadcast: string, message: DataMessage): void {
    const viewers = this.#audience.viewersOf(broadcast);
    const pending = this.#lost.get(broadcast);
    if (!pending && !this.#rounds.isFull(broadcast)) {
      this.#rounds.add(
        broadcast,
        viewers,
        (viewer) => {
          if (viewer.dataStarted) viewer.sendData(message);
        },
        message.payload.length,
      );
      return;
    }
    const lost: LostData = pending ?? new Map();
    lost.set(message.label, { messages: (lost.get(message.label)?.messages ?? 0) + 1, newest: message });
    if (pending) return;
    this.#lost.set(broadcast, lost);
    const forget = () => {
      if (this.#lost.get(broadcast) === lost) this.#lost.delete(broadcast);
    };
    // Behind all that waits, so that nobody gets an older state after the newest one.
    this.#rounds.add(broadcast, onceBegun(viewers, forget), (viewer) => {
      if (!viewer.dataStarted) return;
      for (const { messages, newest } of lost.values()) viewer.loseData(newest, messages);
    });
  }

  /** Forgets what was not sent yet. */
  stop(): void {
    this.#rounds.stop();
  }
}

/** The same, and says when somebody asks for the first. */
function* onceBegun<Item>(items: Iterable<Item>, begin: () => void): Iterable<Item> {
  begin();
  yield* items;
}
