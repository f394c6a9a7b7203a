/// <reference types="node" />
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

/** Where `npm run dev` finds a campaign service. */
const campaignService = process.env.OTARU_CAMPAIGN_URL ?? "http://127.0.0.1:8080";

/** Puts the Brotli form of every file beside it, for the service to send: it compresses nothing itself. */
function compressed(): Plugin {
  let folder = "dist";
  return {
    name: "otaru-compressed",
    apply: "build",
    configResolved: (config) => {
      folder = config.build.outDir;
    },
    closeBundle: () => {
      for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
        if (!/\.(html|js|css|svg)$/.test(name)) continue;
        const bytes = new Uint8Array(readFileSync(join(folder, name)));
        const quality = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
        const small = brotliCompressSync(bytes, { params: quality });
        writeFileSync(join(folder, `${name}.br`), new Uint8Array(small));
      }
    },
  };
}

export default defineConfig({
  plugins: [react(), compressed()],
  server: { proxy: { "/api": campaignService } },
  preview: { proxy: { "/api": campaignService } },
  build: {
    target: "es2022",
    // The service's content security policy allows nothing inline, and `data:` is inline too.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: {
      output: {
        // What every page needs and seldom changes: a new dashboard does not make browsers load it again.
        manualChunks: (id) =>
          /\/node_modules\/(react|react-dom|scheduler|@tanstack\/(?!react-virtual|virtual-core)[^/]+)\//.test(id)
            ? "framework"
            : undefined,
      },
    },
  },
  test: { environment: "node", include: ["src/**/*.test.ts"] },
});
