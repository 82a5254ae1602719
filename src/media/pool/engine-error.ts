// What is said when the fan-out engine that the settings name cannot be had. It must not know threads or engines.

/** FANLIGHT_FANOUT names an engine that does not run here. */
export class EngineError extends Error {
  constructor(reason: string) {
    super(`${reason} Set FANLIGHT_FANOUT to auto or portable, or install a C compiler and run npm run build:native.`);
    this.name = 'EngineError';
  }
}
