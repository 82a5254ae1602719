// How long the reconnector waits for what.

export const TIMES = {
  /** `disconnected` often heals by itself; after this long we look for another path. */
  unsteadyMs: 2_000,
  /** An ICE restart that has not connected by then will not. */
  restartTimeoutMs: 8_000,
  /** The same for a new connection. */
  connectTimeoutMs: 10_000,
  /** When the answer named TURN servers that the offer could not use: how long the direct path may try first. */
  directPathMs: 2_000,
  /** A connection that held this long was a good one: the next back-off starts anew. */
  stableMs: 10_000,
  /** A short silence is over when the server tells of it: then there is nothing to do. */
  secondThoughtMs: 300,
  /** News of another network so soon after a step began speak of what the step began for. */
  sameChangeMs: 1_000,
  /** When a server that stops has no successor yet: how long until the next look. */
  moveAgainMs: 1_000,
  /** Over how long clients spread when the server loses all of them in one moment. */
  spreadMs: 1_000,
};
