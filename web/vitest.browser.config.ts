import { defineConfig } from "vitest/config";

/** The tests in a real browser against a real server; `ops/lib/test-web.sh` brings both along. */
export default defineConfig({
  test: {
    environment: "node",
    include: ["browser/**/*.test.ts"],
    // One story, in one browser, in order.
    fileParallelism: false,
    bail: 1,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 20_000, interval: 100 } },
  },
});
