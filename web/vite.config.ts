import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// `npm run dev` shows the page with a running `fakeweb serve` behind it.
const service = { target: "http://127.0.0.1:8000", changeOrigin: true };

export default defineConfig({
  plugins: [react()],
  build: {
    outDir: "../src/fakeweb/server/page",
    emptyOutDir: true,
    target: "es2022",
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: { proxy: { "/v1": service, "/docs": service, "/examples": service }, fs: { allow: [".."] } },
});
