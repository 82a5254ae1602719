// Which of a publisher's simulcast layers is forwarded: the best that is active, changed only on its key frame.
// Best is what has the highest bitrate: names say nothing (OBS counts from the highest, Chrome names from the lowest).
// It must not know packets, SSRCs, clocks or who is asked for key frames.

/** A layer without a packet for so long gives way. */
const SILENT_MS = 1000;
/** A layer counts as better with so many times the bitrate: layers of one picture lie further apart. */
const BETTER = 1.3;
/** And only after so long without a break: a publisher whose bandwidth comes and goes must not flicker. */
const BETTER_FOR_MS = 2000;
/** Bitrates are means over about so long. */
const MEMORY_MS = 2000;
/** What the first packets, often a key frame, stand for at least. */
const MIN_WEIGHT_MS = 500;

interface Layer {
  /** Weighted by age, as is `weightMs`, the time that they stand for. */
  bytes: number;
  weightMs: number;
  lastPacketAtMs: number;
}

export class LayerChoice<Key> {
  readonly #layers = new Map<Key, Layer>();
  #current: Key | undefined;
  #target: Key | undefined;
  #challenger: { readonly key: Key; readonly sinceMs: number } | undefined;

  /** What is forwarded; undefined before the first key frame. */
  get current(): Key | undefined {
    return this.#current;
  }

  /** What will be forwarded from its next key frame on; undefined when there is nothing better than the current one. */
  get target(): Key | undefined {
    return this.#target;
  }

  /** A packet of a layer came. */
  received(key: Key, bytes: number, nowMs: number): void {
    const layer = this.#layers.get(key);
    if (!layer || nowMs - layer.lastPacketAtMs > SILENT_MS) {
      // What it was before a pause says nothing of what it is now.
      this.#layers.set(key, { bytes, weightMs: 0, lastPacketAtMs: nowMs });
      return;
    }
    const passedMs = nowMs - layer.lastPacketAtMs;
    const kept = Math.exp(-passedMs / MEMORY_MS);
    layer.bytes = layer.bytes * kept + bytes;
    layer.weightMs = layer.weightMs * kept + passedMs;
    layer.lastPacketAtMs = nowMs;
  }

  /** A key frame of a layer begins, with nothing missing behind it: true when the layer is the current one from now on. */
  startsDecoding(key: Key): boolean {
    if (key === this.#current) return false;
    if (this.#current !== undefined && key !== this.#target) return false;
    this.#current = key;
    this.#target = undefined;
    this.#challenger = undefined;
    return true;
  }

  /** Looks at who is silent and who is better: the target may be another afterwards. Called several times a second. */
  review(nowMs: number): void {
    const best = this.#best(nowMs);
    const current = this.#current === undefined ? undefined : this.#layers.get(this.#current);
    if (!current || isSilent(current, nowMs)) {
      this.#challenger = undefined;
      // One that waits for its key frame may be the best by now, or silent.
      this.#target = best;
      return;
    }
    if (this.#target !== undefined && this.#target !== best) this.#target = undefined;
    const rival = best === undefined || best === this.#current ? undefined : this.#layers.get(best);
    if (best === undefined || !rival || bitrate(rival) < BETTER * bitrate(current)) {
      this.#challenger = undefined;
      this.#target = undefined;
      return;
    }
    if (this.#challenger?.key !== best) this.#challenger = { key: best, sinceMs: nowMs };
    if (nowMs - this.#challenger.sinceMs >= BETTER_FOR_MS) this.#target = best;
  }

  /** The layer is gone for good. */
  forget(key: Key): void {
    this.#layers.delete(key);
    if (this.#current === key) this.#current = undefined;
    if (this.#target === key) this.#target = undefined;
  }

  #best(nowMs: number): Key | undefined {
    let best: { readonly key: Key; readonly bitrate: number } | undefined;
    for (const [key, layer] of this.#layers) {
      if (isSilent(layer, nowMs)) continue;
      if (!best || bitrate(layer) > best.bitrate) best = { key, bitrate: bitrate(layer) };
    }
    return best?.key;
  }
}

function isSilent(layer: Layer, nowMs: number): boolean {
  return nowMs - layer.lastPacketAtMs > SILENT_MS;
}

/** Bytes per ms. */
function bitrate({ bytes, weightMs }: Layer): number {
  return bytes / (weightMs + MIN_WEIGHT_MS);
}
