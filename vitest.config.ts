import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // Node runs the tests as it runs the product, stripping types. Where modules are evaluated through node:vm, as by Vite's
    // runner, test processes of Node 24 crash now and then (nodejs/node#62393).
    experimental: { viteModuleRunner: false },
    include: ['src/**/*.test.ts', 'static/**/*.test.ts', 'bench/**/*.test.ts', 'fuzz/**/*.test.ts'],
    // For what hangs. Limits that matter are in the tests: a machine that others use too may run at a third of its speed.
    testTimeout: 60_000,
    hookTimeout: 90_000,
  },
});
