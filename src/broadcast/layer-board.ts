// How the video layers of each broadcast stand, as last heard of the publisher's transport.
// It must not know transports or sessions: who publishes is the listener's business.

import type { Announcer } from './announcer.ts';
import type { LayerView } from './ports.ts';

const NONE: readonly LayerView[] = [];

export class LayerBoard {
  readonly #announcer: Announcer;
  readonly #layers = new Map<string, readonly LayerView[]>();

  constructor(announcer: Announcer) {
    this.#announcer = announcer;
    announcer.subscribe((event) => {
      if (event.type !== 'broadcast' || event.broadcast.state === 'live') return;
      const { name, state } = event.broadcast;
      // What is interrupted comes back much as it was; it does not send now.
      this.set(name, state === 'idle' ? NONE : this.of(name).map(silent));
    });
  }

  of(broadcast: string): readonly LayerView[] {
    return this.#layers.get(broadcast) ?? NONE;
  }

  set(broadcast: string, layers: readonly LayerView[]): void {
    if (JSON.stringify(layers) === JSON.stringify(this.of(broadcast))) return;
    if (layers.length > 0) this.#layers.set(broadcast, layers);
    else this.#layers.delete(broadcast);
    this.#announcer.emit({ type: 'layers', broadcast, layers });
  }
}

function silent(layer: LayerView): LayerView {
  return { ...layer, active: false, bitrateBps: 0 };
}
