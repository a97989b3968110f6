import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

// `npm run dev` shows the page with a running `fakeweb serve` behind it.
const service = { target: "http://127.0.0.1:8000", changeOrigin: true };

// ONNX Runtime names its WebAssembly in a way that would put all 14 MB of it beside the page; it is fetched packed instead.
const unpackedRuntime = (): Plugin => ({
  name: "no-unpacked-runtime",
  enforce: "pre",
  transform: (code, id) => (id.includes("onnxruntime-web") ? code.replaceAll('new URL("ort-wasm-simd-threaded.wasm",import.meta.url)', 'new URL("unused:")') : null),
});

// `--mode site`: the static site, to be served from any folder (web/site.py adds what checks take).
export default defineConfig(({ mode }) => ({
  plugins: [react()],
  base: mode === "site" ? "./" : "/",
  define: { __SITE__: JSON.stringify(mode === "site") },
  worker: { format: "es", plugins: () => [unpackedRuntime()] },
  build: {
    outDir: mode === "site" ? "../dist/site" : "../src/fakeweb/server/page",
    emptyOutDir: true,
    target: "es2022",
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: { proxy: { "/v1": service, "/docs": service, "/examples": service, "/local": service }, fs: { allow: [".."] } },
}));
