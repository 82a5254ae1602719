// How a publisher's video layers stand: which are active, how large, how fast, and which is forwarded; told when it changes.
// It must not know packets, nor why a layer is forwarded.

import type { LayerView } from '../../broadcast/ports.ts';
import type { IngressSection } from './section.ts';
import type { IngressSource } from './source.ts';

/** How often it looks. */
const REVIEW_EVERY_MS = 250;
/** Without a packet for so long a layer is not active: a screen that stands still may send once a second. */
const SILENT_MS = 2000;
/** A change that is no more than of bitrates is told this seldom. */
const RATES_EVERY_MS = 3000;
/** And only when one moved by so much. */
const RATE_STEP = 0.25;
/** Bitrates are means over about so long. */
const MEMORY_MS = 2000;

interface Meter {
  bytes: number;
  atMs: number;
  bitrateBps: number;
}

export class LayerReport {
  readonly #tell: (layers: readonly LayerView[]) => void;
  readonly #meters = new WeakMap<IngressSource, Meter>();
  #told: readonly LayerView[] = [];
  #toldAtMs = Number.NEGATIVE_INFINITY;
  #reviewedAtMs = Number.NEGATIVE_INFINITY;

  constructor(tell: (layers: readonly LayerView[]) => void) {
    this.#tell = tell;
  }

  /** May be called as often as one likes. */
  review(sections: readonly IngressSection[], nowMs: number): void {
    if (nowMs - this.#reviewedAtMs < REVIEW_EVERY_MS) return;
    this.#reviewedAtMs = nowMs;
    const layers = sections.flatMap((section) => this.#layersOf(section, nowMs));
    const isNew = stateOf(layers) !== stateOf(this.#told);
    const isDue =
      nowMs - this.#toldAtMs >= RATES_EVERY_MS && layers.some((layer, at) => hasMoved(layer, this.#told[at]));
    if (!isNew && !isDue) return;
    this.#told = layers;
    this.#toldAtMs = nowMs;
    this.#tell(layers);
  }

  /** In the publisher's order, those that it announced and does not send among them. */
  #layersOf(section: IngressSection, nowMs: number): LayerView[] {
    const { rids } = section.media;
    const view = (rid: string | null, source: IngressSource | undefined) => this.#view(rid, source, section, nowMs);
    if (rids.length > 0) return rids.map((rid) => view(rid, section.withRid(rid)));
    if (section.layers > 1) return [...section.sources].map((source) => view(null, source));
    return section.forwarded ? [view(null, section.forwarded)] : [];
  }

  #view(rid: string | null, source: IngressSource | undefined, section: IngressSection, nowMs: number): LayerView {
    const isActive = source !== undefined && nowMs - source.lastPacketAtMs <= SILENT_MS;
    return {
      rid,
      active: isActive,
      bitrateBps: isActive ? this.#measure(source, nowMs) : 0,
      width: source?.size?.width ?? null,
      height: source?.size?.height ?? null,
      forwarded: source !== undefined && source === section.forwarded,
    };
  }

  #measure(source: IngressSource, nowMs: number): number {
    const meter = this.#meters.get(source) ?? { bytes: 0, atMs: source.firstPacketAtMs, bitrateBps: 0 };
    this.#meters.set(source, meter);
    const passedMs = nowMs - meter.atMs;
    if (passedMs <= 0) return Math.round(meter.bitrateBps);
    const nowBps = ((source.payloadBytes - meter.bytes) * 8 * 1000) / passedMs;
    const kept = meter.bytes === 0 ? 0 : Math.exp(-passedMs / MEMORY_MS);
    meter.bitrateBps = meter.bitrateBps * kept + nowBps * (1 - kept);
    meter.bytes = source.payloadBytes;
    meter.atMs = nowMs;
    return Math.round(meter.bitrateBps);
  }
}

/** All but the bitrates. */
function stateOf(layers: readonly LayerView[]): string {
  return JSON.stringify(layers.map((layer) => ({ ...layer, bitrateBps: 0 })));
}

function hasMoved({ bitrateBps }: LayerView, told: LayerView | undefined): boolean {
  const before = told?.bitrateBps ?? 0;
  return Math.abs(bitrateBps - before) > RATE_STEP * before;
}
