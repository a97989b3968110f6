/** The parts that need no browser; `npm test`. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { greet, predict } from "../background/api.js";
import { Recent } from "../background/cache.js";
import { fetchPicture, MOST_BYTES, sha256 } from "../background/pictures.js";
import { Dropped, Queue } from "../background/queue.js";
import { checked, cleanServer, DEFAULTS, isLocal, readsScreen } from "../background/settings.js";
import { cleanSite, isAllowed, patternOf, siteOf } from "../background/sites.js";
import { countsOf, iconOf } from "../background/tabs.js";
import { findingOf, nameOf, percentOf } from "../background/words.js";
import { tone } from "../background/style.js";

const STYLE = JSON.parse(await readFile(new URL("../../src/fakeweb/render/style.json", import.meta.url), "utf8"));

const soon = (ms = 0) => new Promise((wake) => setTimeout(wake, ms));

test("an address of a server is brought into one form, and odd ones are refused", () => {
  assert.equal(cleanServer(" 127.0.0.1:8000/ "), "http://127.0.0.1:8000");
  assert.equal(cleanServer("https://fw.example/sub/"), "https://fw.example/sub");
  for (const odd of ["ftp://a.example", "http://me:secret@a.example", "http://a.example/?x", "", "http://"]) {
    assert.throws(() => cleanServer(odd), TypeError, odd);
  }
});

test("this computer is known by its names", () => {
  assert.ok(isLocal("http://127.0.0.1:8000") && isLocal("http://localhost:1") && isLocal("http://[::1]:80"));
  assert.ok(!isLocal("http://127.example") && !isLocal("https://localhost.example"));
});

test("whatever was stored, settings make sense", () => {
  const odd = { server: "javascript:x", key: 3, minSide: "1e9", parallel: -1, sites: ["a.example", 5, ""], showUncertain: "no" };
  assert.deepEqual(checked(odd), { ...DEFAULTS, where: "server", minSide: 1000, parallel: 1, sites: ["a.example"] });
  assert.deepEqual(checked({}), DEFAULTS);
  assert.equal(checked({ server: "http://a.example" }).where, "server", "who has set a server once wants it asked");
  assert.equal(checked({ server: "http://a.example", where: "here" }).where, "here");
});

test("by default the screen is read only where pictures stay on this computer", () => {
  assert.ok(readsScreen(DEFAULTS) && readsScreen({ ...DEFAULTS, where: "server" }));
  assert.ok(!readsScreen({ ...DEFAULTS, where: "server", server: "https://a.example" }));
  assert.ok(readsScreen({ ...DEFAULTS, where: "server", server: "https://a.example", screen: true }));
  assert.ok(!readsScreen({ ...DEFAULTS, screen: false }));
});

test("a site allows its subdomains and not its neighbours", () => {
  assert.ok(isAllowed("https://news.example.org/a", ["example.org"]));
  assert.ok(!isAllowed("https://notexample.org/", ["example.org"]));
  assert.ok(!isAllowed("https://example.org.evil.example/", ["example.org"]));
  assert.ok(!isAllowed("chrome://settings", ["settings"]));
  assert.ok(!isAllowed(undefined, ["example.org"]));
});

test("what is typed into the list becomes a host", () => {
  assert.equal(cleanSite("https://www.Example.org/a?b"), "www.example.org");
  assert.equal(cleanSite("*.example.org"), "example.org");
  assert.equal(cleanSite("two words"), null);
  assert.equal(cleanSite("chrome://x"), null);
});

test("permissions are asked for hosts, not for ports or data", () => {
  assert.equal(patternOf("http://127.0.0.1:8123/a.jpg"), "http://127.0.0.1/*");
  assert.equal(patternOf("data:image/png;base64,AA"), null);
  assert.equal(siteOf("file:///etc/passwd"), null);
});

test("the queue runs no more than it may, in order", async () => {
  const queue = new Queue(2);
  let running = 0;
  let most = 0;
  const order = [];
  const job = (n) => async () => {
    most = Math.max(most, (running += 1));
    order.push(n);
    await soon(2);
    running -= 1;
    return n;
  };
  assert.deepEqual(await Promise.all([1, 2, 3, 4, 5].map((n) => queue.add(job(n)))), [1, 2, 3, 4, 5]);
  assert.equal(most, 2);
  assert.deepEqual(order, [1, 2, 3, 4, 5]);
});

test("a pause holds back what has not begun, and a failed job frees its place", async () => {
  const queue = new Queue(1);
  queue.pause(40);
  const began = Date.now();
  await assert.rejects(queue.add(() => Promise.reject(new Error("no"))), /no/);
  assert.ok(Date.now() - began >= 35);
  assert.equal(await queue.add(async () => 7), 7);
});

test("a pause ends though its timer goes off before the clock says so", async () => {
  const early = [0, 0, 0, 4]; // paused, timed, a job added, gone off a millisecond early; then it is over
  const queue = new Queue(1, () => early.shift() ?? 5);
  queue.pause(5);
  const late = soon(500).then(() => "stuck");
  assert.equal(await Promise.race([queue.add(async () => "done"), late]), "done");
});

test("dropping forgets one group's waiting jobs only", async () => {
  const queue = new Queue(1);
  const running = queue.add(() => soon(10), "a");
  const dropped = queue.add(async () => assert.fail("must not run"), "a");
  const other = queue.add(async () => "b", "b");
  queue.drop("a");
  await assert.rejects(dropped, Dropped);
  await running;
  assert.equal(await other, "b");
});

test("the cache forgets what was not asked for the longest", () => {
  const recent = new Recent(2, [["a", 1], ["b", 2]]);
  recent.get("a");
  recent.set("c", 3);
  assert.equal(recent.get("b"), undefined);
  assert.deepEqual(recent.entries(), [["a", 1], ["c", 3]]);
});

const answering = (body, init) => async () => new Response(body, init);
const asPicture = { headers: { "Content-Type": "image/jpeg" } };

test("a picture is read without cookies, and named by its hash", async () => {
  let asked;
  const bytes = await fetchPicture("https://a.example/x", async (_url, options) => {
    asked = options;
    return new Response("abc", asPicture);
  });
  assert.equal(asked.credentials, "omit");
  assert.equal(await sha256(bytes), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
});

test("what is no picture, too large or gone is refused", async () => {
  const refused = [
    [answering("<p>", { headers: { "Content-Type": "text/html" } }), "protected"],
    [answering("", { status: 403 }), "protected"],
    [answering('<svg><image href="data:image/png;base64,AA"/></svg>', { headers: { "Content-Type": "image/svg+xml" } }), "collage"],
    [answering("<svg/>", { headers: { "Content-Type": "image/svg+xml" } }), "drawing"],
    [answering("", { status: 404 }), "unreachable"],
    [answering(new Uint8Array(MOST_BYTES + 1), asPicture), "too-large"],
    [async () => Promise.reject(new TypeError("network")), "unreachable"],
  ];
  await assert.rejects(fetchPicture("file:///etc/passwd", () => assert.fail("never asked")), { code: "unreachable" });
  for (const [get, code] of refused) await assert.rejects(fetchPicture("https://a.example/x", get), { code });
});

const settings = { ...DEFAULTS, key: "fw_k" };
const json = (value, status = 200, headers = {}) => new Response(JSON.stringify(value), { status, headers });

test("the key goes to the server, and what it refuses is told apart", async () => {
  let asked;
  await predict(settings, new ArrayBuffer(2), true, async (url, options) => {
    asked = { url, ...options };
    return json({});
  });
  assert.equal(asked.url, "http://127.0.0.1:8000/v1/predict?queue=false&overlay=true");
  assert.equal(asked.headers.Authorization, "Bearer fw_k");
  assert.equal(asked.redirect, "error");
  const cases = [
    [json({ code: "service.unauthorized" }, 401), { code: "key" }],
    [json({}, 429, { "Retry-After": "3" }), { code: "busy", retryAfterMs: 3000 }],
    [json({}, 503), { code: "busy", retryAfterMs: 0 }],
    [json({ code: "media.unsupported", detail: "text" }, 415), { code: "refused", message: "text" }],
    [new Response("<html>", { status: 404 }), { code: "strange" }],
    [new Response("<html>"), { code: "strange" }],
  ];
  for (const [answer, expected] of cases) {
    await assert.rejects(predict(settings, new ArrayBuffer(1), false, async () => answer), expected);
  }
  await assert.rejects(greet(settings, async () => Promise.reject(new TypeError())), { code: "offline" });
});

const face = (label, p, kinds = null) => ({ verdict: { label, p_fake: p, reasons: [] }, score: kinds && { kinds } });
const judgement = (label, p, faces, reasons = []) => ({
  report: { verdict: { label, p_fake: p, reasons }, faces, thresholds: { fake: 0.7, source: "user" } },
});

test("what the file says of its origin stands beside the score", () => {
  const said = (provenance) => {
    const judged = judgement("real", 0.01, [face("real", 0.01)]);
    return findingOf({ report: { ...judged.report, provenance } }, "h").origin;
  };
  assert.deepEqual(said(null), []);
  assert.deepEqual(said({ signals: [], contradictions: [] }), ["Unknown: nothing in the file says where it comes from."]);
  const signals = [{ says: "technical", text: "JPEG." }, { says: "generated", text: "Made by AI." }];
  assert.deepEqual(said({ signals, contradictions: ["Both."] }), ["Contradiction: Both.", "Made by AI.", "JPEG."]);
  const labelled = said({ signals, label_text: "AI generated", digital_source_type: "trainedAlgorithmicMedia" });
  assert.equal(labelled.at(-1), "By its own words it could be labelled AI generated (trainedAlgorithmicMedia).");
});

test("what strangers wrote is cut, stays on its line, and cannot be endless or of another kind", () => {
  const said = (provenance) => {
    const judged = judgement("real", 0.01, [face("real", 0.01)]);
    return findingOf({ report: { ...judged.report, provenance } }, "h");
  };
  const evil = `<img src=x onerror=alert(1)>\n\u202e\u0000${"x".repeat(5000)}`;
  const signals = Array.from({ length: 500 }, () => ({ says: "generated", text: evil }));
  const { origin, told } = said({ signals, contradictions: [evil] });
  assert.ok(told);
  assert.equal(origin.length, 9);
  assert.ok(origin.every((line) => line.length <= 300 && !/[\n\u202e\u0000]/.test(line)));
  assert.equal(origin.at(-1), "and 493 more notes");
  assert.match(origin[0], /^Contradiction: <img src=x/, "a text, never markup");
  for (const odd of [{ signals: "a", contradictions: 3 }, { signals: [null, { text: { a: 1 } }] }, {}]) {
    assert.ok(said(odd).origin.every((line) => typeof line === "string"));
  }
  assert.equal(said({ signals: [{ says: "technical", text: "JPEG." }], contradictions: [] }).told, false);
});

test("a picture is called by the end of its address", () => {
  assert.equal(nameOf("https://a.example/b/c%20d.jpg?token=1#x"), "c d.jpg");
  assert.equal(nameOf("https://a.example/%E0%A4%A"), "%E0%A4%A");
  assert.equal(nameOf("https://a.example/"), "a picture inside the page");
  assert.equal(nameOf("data:image/png;base64,AA"), "a picture inside the page");
});

test("no word claims a proof", () => {
  const real = findingOf(judgement("real", 0.01, [face("real", 0.01)]), "h");
  assert.equal(real.title, "No sign of manipulation found");
  assert.match(real.text, /does not prove/);
  const fake = findingOf(judgement("fake", 0.999, [face("real", 0.1), face("fake", 0.999, { swap: 0.7, retouch: 0.3 })]), "h");
  assert.equal(fake.title, "1 of 2 faces looks manipulated");
  assert.match(fake.text, /swapped/);
  assert.equal(fake.percent, 99);
  assert.match(fake.note, /line to 70 of 100/, "a threshold moved by hand is told");
  const unsure = findingOf(judgement("uncertain", 0.5, [face("uncertain", 0.5)]), "h");
  assert.match(unsure.text, /neither/);
  const none = findingOf(judgement("no_face", null, []), "h");
  assert.match(none.text, /says nothing/);
  assert.equal(none.percent, null);
});

test("rarity and neighbours are told, and what could not be judged", () => {
  const rare = (label, p, oneIn) => ({ ...face(label, p), rarity: { one_in: oneIn, interval: [1, 1103], measured_on: 3310 } });
  const said = (one) => findingOf(judgement(one.verdict.label, one.verdict.p_fake, [one]), "h").rarity;
  assert.equal(
    said(rare("fake", 0.9, 240.3)),
    "Of the 3,310 genuine faces it was measured on, about 1 in 240 scored as high; on other cameras and websites it can be several times more.",
  );
  assert.match(said(rare("fake", 0.99, 3310 / 3)), /at most 1 in 1,100 scored/);
  assert.match(said(rare("uncertain", 0.5, 1.2)), /about 83 in 100 scored/);
  assert.equal(said(rare("real", 0.1, 1.2)), "");
  assert.equal(said(face("fake", 0.9)), "", "a model without figures");

  const out = { ...face("fake", 0.9), neighbours: { judged: 9, z: 4, one_in: 300 } };
  out.verdict.reasons = ["stands out: 1 of 9; in about one of 300 genuine pictures of 9 faces one would"];
  assert.match(findingOf(judgement("fake", 0.9, [out, face("real", 0.1)]), "h").text, /It stands out: 1 of 9; .* one would\.$/);
  const few = findingOf(judgement("uncertain", 0.1, [face("real", 0.1)], ["only 1 of 111 faces could be judged"]), "h");
  assert.match(few.text, /cannot tell: only 1 of 111 faces could be judged/);
  const most = findingOf(judgement("real", 0.1, [face("real", 0.1)], ["1 of 3 faces could not be judged"]), "h");
  assert.match(most.text, /Taken together, the faces show nothing .*; 1 of 3 faces could not be judged\./);
});

test("colours are those of the drawing, over the whole range from the line to certainty", () => {
  for (const [at, colour] of STYLE.ramp) assert.equal(tone(at), `rgb(${colour.join(" ")})`);
  const colourOf = (p) => findingOf(judgement("fake", p, [face("fake", p)]), "h").tone;
  assert.equal(colourOf(0.7), `rgb(${STYLE.ramp[0][1].join(" ")})`, "the single face's line counts");
  assert.equal(new Set([0.7, 0.75, 0.8, 0.9, 0.99].map(colourOf)).size, 5);
});

test("per cent are never nought or a hundred", () => {
  assert.deepEqual([0, 0.004, 0.5, 0.999, 1].map(percentOf), [1, 1, 50, 99, 99]);
});

test("the icon counts pictures that look manipulated, and never ticks off the others", () => {
  const tab = { on: true, paused: false, pictures: { a: "fake", b: "fake", c: "real" }, waiting: 0, blocked: [], problem: null };
  assert.deepEqual(countsOf(tab), { fake: 2, uncertain: 0, real: 1, no_face: 0, failed: 0 });
  assert.equal(iconOf(tab).text, "2");
  assert.match(iconOf(tab).title, /3 pictures looked at, 2 look manipulated/);
  assert.equal(iconOf({ ...tab, pictures: { c: "real" } }).text, "on");
  assert.equal(iconOf({ ...tab, problem: { code: "offline", message: "x" } }).text, "!");
  assert.equal(iconOf({ ...tab, on: false }).text, "");
  assert.equal(iconOf({ ...tab, paused: true }).text, "");
});
