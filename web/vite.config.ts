import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

declare const process: { env: Record<string, string | undefined> };

/** Where `npm run dev` finds a campaign service. */
const campaignService = process.env.OTARU_CAMPAIGN_URL ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [react()],
  server: { proxy: { "/api": campaignService } },
  build: {
    target: "es2022",
    // The service's content security policy allows nothing inline, and `data:` is inline too.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: {
      output: {
        // Libraries change seldom: a new dashboard does not make browsers load them again.
        manualChunks: (id) => (id.includes("/node_modules/") ? "libraries" : undefined),
      },
    },
  },
  test: { environment: "node", include: ["src/**/*.test.ts"] },
});
