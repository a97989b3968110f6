// Parts of the page that need no browser: `npm test`.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Face } from "../src/api/client";
import { nextTo, ranked, sortOf } from "../src/faces";
import { wanted } from "../src/lang";
import { resultPath, routeOf } from "../src/route";
import { csv } from "../src/table";
import { de } from "../src/texts/de";
import { en } from "../src/texts/en";
import { WHOLE, brought, clamped, flownTo, mostZoom, zoomed } from "../src/view";

const face = (number: number, label: string, p: number | null, more: object = {}) =>
  ({ number, box: [10 * number, 0, 10 * number + 8, 8], verdict: { label, p_fake: p, reasons: [] }, rarity: p === null ? null : { one_in: 100 * p + 1 }, neighbours: null, ...more }) as unknown as Face;

test("faces are ranked: fakes, what stands out, rare scores, what was not judged", () => {
  const out = face(4, "uncertain", 0.5, { neighbours: { one_in: 6 } });
  const faces = [face(1, "real", 0.1), face(2, "uncertain", null), face(3, "uncertain", 0.7), out, face(5, "fake", 0.9)];
  assert.deepEqual(ranked(faces).map((one) => one.number), [5, 4, 3, 1, 2]);
  assert.deepEqual(faces.map(sortOf), ["genuine", "unjudged", "unclear", "suspicious", "suspicious"]);
});

test("arrow keys go to the next face in their direction, and nowhere at the end", () => {
  const row = [face(1, "real", 0.1), face(2, "real", 0.1), face(3, "real", 0.1)];
  assert.equal(nextTo(row[0]!, row, "ArrowRight")?.number, 2);
  assert.equal(nextTo(row[2]!, row, "ArrowLeft")?.number, 2);
  assert.equal(nextTo(row[2]!, row, "ArrowRight"), null);
  assert.equal(nextTo(row[0]!, row, "ArrowDown"), null);
});

test("what lies under the mouse stays there, and no gap opens at a border", () => {
  const frame = { width: 400, height: 300 }, most = mostZoom(frame, 4000);
  assert.equal(most, 40);
  assert.equal(mostZoom(frame, 100), 4);
  const near = zoomed(WHOLE, 3, [100, 60], frame, most);
  assert.deepEqual([(100 - near.x) / near.zoom, (60 - near.y) / near.zoom], [100, 60]);
  assert.deepEqual(clamped({ zoom: 2, x: 50, y: -900 }, frame), { zoom: 2, x: 0, y: -300 });
  assert.deepEqual(zoomed(near, 0.01, [0, 0], frame, most), { zoom: 1, x: 0, y: 0 });
});

test("a face is flown to, and one that is near is only brought into the frame", () => {
  const frame = { width: 400, height: 300 }, box = [0.5, 0.5, 0.54, 0.56] as const;
  const there = flownTo(box, WHOLE, frame, 40);
  assert.ok(Math.abs(there.zoom * 0.04 - 0.28) < 1e-9);
  assert.ok(Math.abs(there.x + there.zoom * 400 * 0.52 - 200) < 1e-6);
  assert.deepEqual(brought(box, there, frame), there);
  const aside = brought([0.9, 0.5, 0.94, 0.56], there, frame);
  assert.ok(Math.abs(aside.x + aside.zoom * 400 * 0.94 - 400) < 1e-6);
});

test("a table holds no formulas, no commands and no breaks of its own", () => {
  const text = csv([{ name: '=HYPERLINK("x"),\u001b[31m\n', report: null, error: "no, picture", address: "" }]);
  const [head, ...rest] = text.split("\r\n");
  assert.equal(head!.split(",")[0], "source");
  assert.ok(rest.join("").startsWith(`"'=HYPERLINK(""x""),\\x1b[31m\n"`));
  assert.ok(text.includes('"no, picture"'));
});

test("addresses say what is shown", () => {
  assert.deepEqual(routeOf("/", null), { view: "check", result: null, item: null });
  assert.deepEqual(routeOf(resultPath("a b"), { item: "1" }), { view: "check", result: "a b", item: "1" });
  assert.equal(routeOf("/history", null).view, "history");
});

test("the language is the one chosen, else the browser's first that there is", () => {
  assert.equal(wanted(null, ["fr-FR", "de-AT", "en"]), "de");
  assert.equal(wanted(null, ["fr"]), "en");
  assert.equal(wanted("en", ["de"]), "en");
  assert.equal(wanted("xx", ["de"]), "de");
});

test("German says everything, with its own plurals and digits", () => {
  const names = (value: unknown, path = ""): string[] =>
    typeof value === "object" && value ? Object.entries(value).flatMap(([name, inner]) => names(inner, `${path}.${name}`)) : [path];
  const said = (value: unknown) => names(value).filter((name) => !name.startsWith(".viewers.warnings")).sort();
  assert.deepEqual(said(de), said(en));
  assert.equal(de.counts(1, 1, 0), "1 Gesicht, 1 wirkt manipuliert");
  assert.equal(de.counts(1100, 2, 3), "1.100 Gesichter, 2 wirken manipuliert, 3 unsicher");
  assert.equal(en.counts(1100, 2, 0), "1,100 faces, 2 look manipulated");
  assert.equal(de.service("only 1 of 111 faces could be judged"), "nur 1 von 111 Gesichtern konnte beurteilt werden");
  assert.equal(de.service("critical (6.9): about 124,800 people may see it"), "sehr hoch (6,9): etwa 124.800 Menschen sehen es vielleicht");
  assert.equal(de.service("something new"), "something new");
});

test("German says what a file says of its origin, and leaves what it quotes", () => {
  const said: [string, string][] = [
    ["JPEG with standard tables, quality 90, colours 4:4:4.", "JPEG mit üblichen Tabellen, Qualität 90, Farben 4:4:4."],
    ["JPEG with Photoshop's tables, quality about 96.", "JPEG mit Tabellen von Photoshop, Qualität etwa 96."],
    ['It was written by Photoshop, an editor ("Adobe Photoshop 25.0").', "Geschrieben hat sie Photoshop, ein Bearbeitungsprogramm („Adobe Photoshop 25.0“)."],
    ['The credit line reads "Made with Google AI".', "Die Quellenangabe lautet „Made with Google AI“."],
    [
      "The metadata name a camera: ACME One, taken 2024-05-01 10:00:00 (with exposure and the maker's own notes). Such notes are easily written and easily copied.",
      "Die Metadaten nennen eine Kamera: ACME One, aufgenommen 2024-05-01 10:00:00 (mit Belichtung und eigenen Angaben des Herstellers). Solche Angaben sind leicht geschrieben und leicht kopiert.",
    ],
    [
      "The metadata state the source: made by AI (trainedAlgorithmicMedia). Such notes are easily written and easily copied.",
      "Die Metadaten nennen die Herkunft: von KI gemacht (trainedAlgorithmicMedia). Solche Angaben sind leicht geschrieben und leicht kopiert.",
    ],
    ["Not all was read: only the first MiB of its XMP was read.", "Nicht alles wurde gelesen: nur das erste MiB von XMP."],
    [
      "Content credentials (C2PA), signed by ACME; the signature is whole, the name is not vouched for by a trust list of yours. They say: partly made by AI, taken by a digital camera.",
      "Herkunftsnachweis (C2PA), unterschrieben von ACME; die Unterschrift ist heil, für den Namen bürgt keine Liste von Ihnen. Er sagt: zum Teil von KI gemacht, mit einer Digitalkamera aufgenommen.",
    ],
    ["EXIF says 400 x 300 pixels, the picture has 200 x 100: it was cropped or scaled.", "EXIF nennt 400 x 300 Bildpunkte, das Bild hat 200 x 100: Es wurde beschnitten oder skaliert."],
    ["face 1, face 4 and 2 more stand out", "Gesicht 1, Gesicht 4 und 2 weitere fallen auf"],
    ["too short to judge: large enough in 1 frame, 3 or 0.5 s needed", "zu kurz: groß genug in 1 Einzelbild, nötig sind 3 oder 0,5 s"],
  ];
  for (const [english, german] of said) assert.equal(de.service(english), german);
});
