// What one listener of WHEP's server-sent events has to be told about its broadcast: what holds when it begins to listen,
// then what changed. Pure. It must not know HTTP or who else listens.

import type { BroadcastView } from '../../broadcast/service.ts';
import type { Track } from '../../rtp/codec.ts';

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
  begin(view: BroadcastView, videoMid: string | undefined): SessionNews[] {
    this.#viewers = undefined;
    this.#layers = undefined;
    const isStillActive = this.#isActive && view.state === 'live';
    return [...(isStillActive ? [{ name: 'active' as const, data: {} }] : []), ...this.changes(view, videoMid)];
  }

  /** What is different from what was told last. */
  changes(view: BroadcastView, videoMid: string | undefined): SessionNews[] {
    const news: SessionNews[] = [];
    const isActive = view.state === 'live';
    if (isActive !== this.#isActive) news.push({ name: isActive ? 'active' : 'inactive', data: {} });
    this.#isActive = isActive;
    if (view.viewers !== this.#viewers) news.push({ name: 'viewercount', data: { viewercount: view.viewers } });
    this.#viewers = view.viewers;
    const layers = layersOf(view.tracks, videoMid);
    const layersText = JSON.stringify(layers);
    if (layersText !== this.#layers) news.push({ name: 'layers', data: layers });
    this.#layers = layersText;
    return news;
  }
}

/** The mid of the video section that an answer accepts; undefined without one. */
export function videoMidIn(answer: string): string | undefined {
  const section = answer.split(/^m=/m).find((each) => /^video [1-9]/.test(each));
  return section && /^a=mid:(\S+)/m.exec(section)?.[1];
}

/** The layers that are sent now, under the viewer's mid: as much as is known of each. */
export function layersOf(tracks: readonly Track[], videoMid: string | undefined): Record<string, object[]> {
  const video = tracks.find(({ kind }) => kind === 'video');
  if (!video || videoMid === undefined) return {};
  const layers: unknown = video.layers;
  return { [videoMid]: Array.isArray(layers) ? layers.filter(isSent).map(layerJson) : [] };
}

function isSent(layer: unknown): layer is Record<string, unknown> {
  return typeof layer === 'object' && layer !== null && (layer as { active?: unknown }).active !== false;
}

function layerJson({ rid, bitrateBps, width, height }: Record<string, unknown>): object {
  return {
    ...(typeof rid === 'string' && rid !== '' ? { rid } : {}),
    ...(typeof bitrateBps === 'number' ? { bitrate: Math.round(bitrateBps) } : {}),
    ...(typeof width === 'number' && typeof height === 'number' ? { width, height } : {}),
  };
}
