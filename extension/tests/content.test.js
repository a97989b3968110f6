/** What the scripts in a page compute; the rest of them is driven in a real browser. */

import assert from "node:assert/strict";
import { test } from "node:test";

await import("../content/find.js");
await import("../content/place.js");
const { find, place } = globalThis.fakeweb;

test("the address in a CSS background is found in every notation", () => {
  assert.equal(find.urlInCss('url("https://a.example/x.jpg")'), "https://a.example/x.jpg");
  assert.equal(find.urlInCss("linear-gradient(red, blue), url('a b.png')"), "a b.png");
  assert.equal(find.urlInCss("url(x.png)"), "x.png");
  assert.equal(find.urlInCss('url("a\\"b.png")'), 'a"b.png');
  assert.equal(find.urlInCss("linear-gradient(red, blue)"), null);
});

test("of a set for several densities the one counts that the screen shows", () => {
  const css = 'image-set(url("2.png") 2dppx type("image/png"), url("1.png") 1dppx)';
  assert.equal(find.urlInCss(css, 1), "1.png");
  assert.equal(find.urlInCss(css, 1.5), "2.png");
  assert.equal(find.urlInCss(css, 3), "2.png");
});

test("drawings without a photograph and odd addresses are left alone", () => {
  const photo = `<svg><image href="data:image/jpeg;base64,AA"/></svg>`;
  const kept = [
    "https://a.example/x",
    "blob:https://a.example/1",
    "data:image/png;base64,AA",
    `data:image/svg+xml,${encodeURIComponent(photo)}`,
    `data:image/svg+xml;base64,${btoa(photo)}`,
  ];
  const left = ["data:image/svg+xml,<svg/>", "data:image/svg+xml,%", "data:text/html,x", "chrome://x", "file:///a.png"];
  assert.ok(kept.every(find.mayHoldAPhotograph));
  assert.ok(!left.some(find.mayHoldAPhotograph));
});

const box = { left: 10, top: 20, width: 200, height: 100 };
const tall = { width: 100, height: 100 };

test("backgrounds lie where the browser draws them", () => {
  const at = (size, position) => Object.values(place.backgroundIn(box, tall, size, position));
  assert.deepEqual(at("cover", "50% 50%"), [10, -30, 200, 200]);
  assert.deepEqual(at("contain", "50% 50%"), [60, 20, 100, 100]);
  assert.deepEqual(at("auto", "0% 0%"), [10, 20, 100, 100]);
  assert.deepEqual(at("50px", "5px 100%"), [15, 70, 50, 50]);
  assert.deepEqual(at("100% 100%", "0% 0%"), [10, 20, 200, 100]);
  assert.deepEqual(at("auto 50%, cover", "100% 0%, 0% 0%"), [160, 20, 50, 50]);
});

test("rectangles that do not meet share nothing", () => {
  const { width } = place.intersect(box, { left: 500, top: 0, width: 10, height: 10 });
  assert.equal(width, 0);
});
