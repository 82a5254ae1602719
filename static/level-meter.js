// Shows how loud the microphone is. Only measures: nothing is played.

export class LevelMeter {
  #bar;
  /** @type {AudioContext | undefined} */
  #context;
  /** @type {MediaStreamAudioSourceNode | undefined} */
  #source;
  /** @type {AnalyserNode | undefined} */
  #analyser;
  #samples = new Uint8Array(512);
  #shown = 0;

  /** @param {HTMLElement} bar scaled from 0 to 1 */
  constructor(bar) {
    this.#bar = bar;
    // A context that was made before the first gesture sleeps until one.
    document.addEventListener('pointerdown', () => void this.#context?.resume());
    requestAnimationFrame(this.#draw);
  }

  /** @param {MediaStreamTrack | null} track */
  measure(track) {
    this.#source?.disconnect();
    this.#source = undefined;
    if (!track) return;
    this.#context ??= new AudioContext();
    this.#analyser ??= this.#context.createAnalyser();
    this.#analyser.fftSize = this.#samples.length;
    this.#source = this.#context.createMediaStreamSource(new MediaStream([track]));
    this.#source.connect(this.#analyser);
  }

  #draw = () => {
    // It rises at once and falls slowly, so that the eye can follow.
    this.#shown = Math.max(this.#level(), this.#shown * 0.9);
    this.#bar.style.transform = `scaleX(${this.#shown.toFixed(3)})`;
    requestAnimationFrame(this.#draw);
  };

  /** 0 to 1, from -54 dB to full scale. */
  #level() {
    if (!this.#source || !this.#analyser) return 0;
    this.#analyser.getByteTimeDomainData(this.#samples);
    const peak = this.#samples.reduce((highest, sample) => Math.max(highest, Math.abs(sample - 128)), 0) / 128;
    return peak === 0 ? 0 : Math.max(0, Math.min(1, 1 + (20 * Math.log10(peak)) / 54));
  }
}
