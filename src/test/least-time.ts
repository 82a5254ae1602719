// For tests: how long work takes that is said to be cheap. It must not know what it may take.

const ROUNDS = 5;

/**
 * The shortest of some rounds, in ms: a machine that stops this process for a while lengthens one of them, and work that is
 * too slow is too slow in all.
 * @param prepare makes what one round needs, uncounted, and returns its work
 */
export function leastMs(prepare: () => () => void): number {
  const tookMs = Array.from({ length: ROUNDS }, () => {
    const work = prepare();
    const startedMs = performance.now();
    work();
    return performance.now() - startedMs;
  });
  return Math.min(...tookMs);
}
