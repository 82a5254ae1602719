import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'static/**/*.test.ts', 'bench/**/*.test.ts', 'fuzz/**/*.test.ts'],
    // For what hangs. Limits that matter are in the tests: a machine that others use too may run at a third of its speed.
    testTimeout: 60_000,
    hookTimeout: 90_000,
  },
});
