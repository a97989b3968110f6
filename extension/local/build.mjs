/** Builds worker.js beside this file, and notes what it was built from: `npm run local`, with web/node_modules in place. */

import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const root = new URL("../../", import.meta.url);
process.chdir(root.pathname);
const { build } = createRequire(new URL("web/package.json", root))("esbuild");
const { metafile } = await build({
  entryPoints: ["extension/local/worker.ts"],
  outfile: "extension/local/worker.js",
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  legalComments: "inline",
  metafile: true,
});
const sources = Object.keys(metafile.inputs).filter((name) => !name.includes("node_modules")).sort();
const hash = (/** @type {string} */ name) => createHash("sha256").update(readFileSync(name)).digest("hex");
writeFileSync("extension/local/built-from.json", `${JSON.stringify(Object.fromEntries(sources.map((name) => [name, hash(name)])), null, 1)}\n`);
