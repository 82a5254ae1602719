// Measures how long sessions take from the accepted offer until their transport is up.
// It must not know how either comes about.

import type { BroadcastService } from './broadcast/service.ts';

/** Calls `observe` with seconds for each session that connects. Returns unsubscribe. */
export function measureJoins(
  service: Pick<BroadcastService, 'subscribe'>,
  observe: (seconds: number) => void,
  now: () => number,
): () => void {
  const openedAtMs = new Map<string, number>();
  return service.subscribe((event) => {
    if (event.type !== 'session') return;
    const { id, state } = event.session;
    if (state === 'connecting') {
      openedAtMs.set(id, now());
      return;
    }
    const openedMs = openedAtMs.get(id);
    openedAtMs.delete(id);
    if (state === 'connected' && openedMs !== undefined) observe((now() - openedMs) / 1000);
  });
}
