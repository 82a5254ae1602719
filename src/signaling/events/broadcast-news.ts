// What one listener of WHEP's server-sent events has to be told about its broadcast: what holds when it begins to listen,
// then what changed. Pure. It must not know HTTP or who else listens.

import type { LayerView } from '../../broadcast/ports.ts';
import type { BroadcastView } from '../../broadcast/service.ts';

/** Those of draft-ietf-wish-whep that Fanlight has, in the order in which they are announced. */
export const EVENT_NAMES = ['active', 'inactive', 'layers', 'reconnect', 'viewercount'] as const;

export type EventName = (typeof EVENT_NAMES)[number];

export interface SessionNews {
  readonly name: EventName;
  readonly data: object;
}

export class BroadcastNews {
  #isActive = false;
  #viewers: number | undefined;
  #layers: string | undefined;

  /** All that holds: for a new connection. That nobody publishes is news only for who heard `active` before. */
  begin(view: BroadcastView, layers: readonly LayerView[], videoMid: string | undefined): SessionNews[] {
    this.#viewers = undefined;
    this.#layers = undefined;
    const isStillActive = this.#isActive && view.state === 'live';
    return [
      ...(isStillActive ? [{ name: 'active' as const, data: {} }] : []),
      ...this.changes(view),
      ...this.layers(layers, videoMid),
    ];
  }

  /** What is different from what was told last. */
  changes(view: BroadcastView): SessionNews[] {
    const news: SessionNews[] = [];
    const isActive = view.state === 'live';
    if (isActive !== this.#isActive) news.push({ name: isActive ? 'active' : 'inactive', data: {} });
    this.#isActive = isActive;
    if (view.viewers !== this.#viewers) news.push({ name: 'viewercount', data: { viewercount: view.viewers } });
    this.#viewers = view.viewers;
    return news;
  }

  /** The same of the publisher's layers. */
  layers(layers: readonly LayerView[], videoMid: string | undefined): SessionNews[] {
    const data = layersJson(layers, videoMid);
    const before = this.#layers;
    this.#layers = JSON.stringify(data);
    return this.#layers === before ? [] : [{ name: 'layers', data }];
  }
}

/** The mid of the video section that an answer accepts; undefined without one. */
export function videoMidIn(answer: string): string | undefined {
  const section = answer.split(/^m=/m).find((each) => /^video [1-9]/.test(each));
  return section && /^a=mid:(\S+)/m.exec(section)?.[1];
}

/** The layers that the publisher sends now, under the viewer's mid: as much as is known of each. */
function layersJson(layers: readonly LayerView[], videoMid: string | undefined): object {
  const sent = layers.filter(({ active }) => active);
  return videoMid === undefined || sent.length === 0 ? {} : { [videoMid]: sent.map(layerJson) };
}

function layerJson({ rid, bitrateBps, width, height }: LayerView): object {
  return {
    ...(rid === null ? {} : { rid }),
    bitrate: Math.round(bitrateBps),
    ...(width === null || height === null ? {} : { width, height }),
  };
}
