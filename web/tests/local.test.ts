// Checks in the browser against golden vectors that the Python package wrote (web/golden.py).
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { rarityOf } from "../src/local/decide";
import { align, type Face, type Point3 } from "../src/local/faces";
import { probability, type ClassifierCard } from "../src/local/models";
import { blank, grey, mirrored, resized, turned, warped, type Affine, type Picture } from "../src/local/pixels";
import { LocalProblem } from "../src/local/problem";
import { qualityOf, type Quality } from "../src/local/quality";
import { openNetworks } from "../src/local/runtime";
import { Scanner } from "../src/local/scan";
import { checkSize, sniff, suffixWarning } from "../src/local/sniff";

const GOLDEN = JSON.parse(readFileSync("tests/golden/vectors.json", "utf8"));
const MODELS = "../src/fakeweb/models";
const RUNTIME = "../src/fakeweb/server/local_runtime";
const WASM = "node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm";

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const card = (name: string) => JSON.parse(readFileSync(`${MODELS}/${name}.json`, "utf8"));
const near = (a: number, b: number, most: number, what: string) => assert.ok(Math.abs(a - b) <= most, `${what}: ${a}, not ${b}`);

function noise(width: number, height: number, seed: number): Picture {
  const out = blank(width, height);
  let state = seed;
  for (let i = 0; i < out.pixels.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    out.pixels[i] = state >>> 24;
  }
  return out;
}

function pictures(): Record<string, Picture> {
  const upright = { width: 390, height: 260, pixels: new Uint8Array(gunzipSync(readFileSync("tests/golden/group.rgb.gz"))) };
  return { upright, left: turned(upright, "left"), right: turned(upright, "right"), mirrored: mirrored(upright) };
}

test("pixels are resized, turned and made grey bit for bit as OpenCV does", () => {
  const of: Record<string, Picture> = { odd: noise(61, 47, 1), even: noise(64, 48, 2) };
  for (const step of GOLDEN.pixels) {
    const from = of[step.of]!;
    const made = step.step === "resize" ? resized(from, step.size[0], step.size[1]).pixels : step.step === "grey" ? grey(from) : warped(from, step.map as Affine, 40, step.border).pixels;
    assert.equal(sha256(made), step.sha256, JSON.stringify(step));
  }
});

test("a face is cut out bit for bit, and its quality is the same", () => {
  const all = pictures();
  for (const one of GOLDEN.crops) {
    const face: Face = { box: one.box, mesh: one.mesh as Point3[], confidence: 1, points: null, presence: null, printed: null };
    assert.equal(sha256(align(all[one.picture]!, face, one.side_px, 1.4)!.picture.pixels), one.sha256, one.picture);
    const { lengthPx, yawDeg, ...rest } = qualityOf(all[one.picture]!, face);
    const quality: Record<string, number> = { length_px: lengthPx, yaw_deg: yawDeg, ...(rest as Omit<Quality, "lengthPx" | "yawDeg">) };
    for (const [key, value] of Object.entries<number>(one.quality)) near(quality[key]!, value, 2e-3, `${one.picture} ${key}`);
  }
});

test("calibration and rarity are the card's", () => {
  const { calibration, norms } = card("fast") as ClassifierCard;
  for (const one of GOLDEN.norms) {
    near(probability(calibration, one.logit), one.p_fake, 1e-12, "P(fake)");
    const { one_in, interval } = rarityOf(norms!.rarity!, one.logit);
    assert.deepEqual([one_in, interval], [one.one_in, one.interval]);
  }
});

test("whole reports: the same faces, meshes, scores, verdicts and words", async () => {
  const model = (name: string) => ({ card: card(name), bytes: new Uint8Array(readFileSync(`${MODELS}/${name}.onnx`)) });
  const wasm = new Uint8Array(readFileSync(WASM)).buffer;
  const scanner = new Scanner(await openNetworks({ wasm, finder: model("finder"), mesh: model("mesh"), classifier: model("fast") }, 1));
  const all = pictures();
  for (const [name, told] of Object.entries<any>(GOLDEN.reports)) {
    const made = JSON.parse(JSON.stringify(await scanner.judge({ picture: all[name]!, name, sha256: "0".repeat(64), warnings: [], readS: 0 })));
    for (const key of ["timings_s", "media_sha256", "provenance", "source"]) delete made[key];
    for (const face of made.faces) {
      face.mesh = face.mesh.filter((_: unknown, i: number) => i % 9 === 0);
      face.score.evidence = face.score.evidence.filter((_: unknown, i: number) => i % 5 === 0);
    }
    same(made, told, name);
  }
});

/** The same form and words; numbers as near as two machines' sums are: P within 0.01, points within 0.05 px. */
function same(made: unknown, told: unknown, at: string): void {
  if (typeof told === "number" && typeof made === "number") {
    return near(made, told, /rarity|neighbours/.test(at) ? 0.11 + 0.02 * told : /mesh|box|points|to_image/.test(at) ? 0.05 : 0.01, at);
  }
  if (told === null || typeof told !== "object") return assert.equal(made, told, at);
  assert.deepEqual(Object.keys(made as object).sort(), Object.keys(told).sort(), at);
  for (const [key, value] of Object.entries(told)) same((made as Record<string, unknown>)[key], value, `${at}.${key}`);
}

test("what is no picture, or cut off, or moves, or is too large, is refused with the service's codes", () => {
  const of = (text: string, more = 40) => Uint8Array.from([...text].map((c) => c.charCodeAt(0)).concat(Array(more).fill(0)));
  const jpeg = new Uint8Array(readFileSync("../examples/collins.jpg"));
  const refused = (bytes: Uint8Array, code: string, words: RegExp) =>
    assert.throws(() => sniff(bytes, "a.jpg"), (error: unknown) => error instanceof LocalProblem && error.problem.code === code && words.test(error.problem.detail) && error.problem.hint !== "");
  assert.deepEqual(sniff(jpeg, "a.jpg"), { format: "JPEG", width: 512, height: 512 });
  assert.deepEqual(sniff(new Uint8Array([...jpeg, ...Array(100).fill(7)]), "a.jpg").format, "JPEG");
  refused(jpeg.subarray(0, 60_000), "media.unreadable", /incomplete: the JPEG data end too early/);
  refused(new Uint8Array(), "media.unreadable", /empty/);
  refused(new Uint8Array(400), "media.unreadable", /nothing but zeros/);
  refused(of("\0\0\0\x18ftypmp42"), "media.unsupported", /video/);
  refused(of("%PDF-1.7"), "media.unsupported", /PDF/);
  refused(of("<!doctype html><p>x"), "media.unsupported", /web page/);
  refused(of("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x09\0\0\0\x09\x08\x02\0\0\0\0\0\0\0"), "media.unreadable", /PNG data end too early/);
  refused(of("RIFF\x2e\0\0\0WEBPVP8X\x0a\0\0\0\x02"), "media.unsupported", /moving/);
  assert.throws(() => checkSize(20_000, 10, "a"), /a side may have 16,384/);
  assert.throws(() => checkSize(10_000, 9_000, "a"), /the limit is 80,000,000/);
  assert.deepEqual(suffixWarning("a.png", "JPEG"), ["the name ends in .png, but the content is JPEG"]);
  assert.deepEqual(suffixWarning("a.jpeg", "JPEG"), []);
});

test("the packed runtime is the installed package's, and its list tells the truth", () => {
  const told = JSON.parse(readFileSync(`${RUNTIME}/runtime.json`, "utf8"));
  const packed = readFileSync(`${RUNTIME}/${told.file}`);
  assert.equal(sha256(gunzipSync(packed)), sha256(readFileSync(WASM)), "run: PYTHONPATH=src python web/local.py --runtime");
  assert.deepEqual([told.sha256, told.bytes, told.packed_bytes], [sha256(readFileSync(WASM)), readFileSync(WASM).length, packed.length]);
});
