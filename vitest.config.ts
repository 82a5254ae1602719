import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // Node runs the tests as it runs the product, stripping types. In module code evaluated through node:vm, as Vite's runner
    // does it, Node 24 crashes once in some thousand processes (nodejs/node#62393).
    experimental: { viteModuleRunner: false },
    include: ['src/**/*.test.ts', 'static/**/*.test.ts', 'bench/**/*.test.ts', 'fuzz/**/*.test.ts'],
    // For what hangs. Limits that matter are in the tests: a machine that others use too may run at a third of its speed.
    testTimeout: 60_000,
    hookTimeout: 90_000,
  },
});
