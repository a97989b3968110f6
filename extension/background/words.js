/** What is said to people about a judgement. No answer of FakeWeb is a proof, and none of these words claim one. */

import { tone } from "./style.js";

/**
 * What the service answers, as the package describes it; the types are written from docs/reference/openapi.json.
 *
 * @typedef {import("../../web/src/api/schema").components["schemas"]["Judgement"]} Judgement
 * @typedef {Judgement["report"]["faces"][number]} Face
 */

/**
 * @typedef {object} Finding
 * @property {"fake" | "uncertain" | "real" | "no_face"} label
 * @property {string} sha256
 * @property {string} title
 * @property {string} text
 * @property {number | null} percent P(fake) in whole per cent, never 0 or 100; null where nothing was scored.
 * @property {string} tone The colour of frame and badge: amber at the threshold, red near certainty, grey where nothing is fake.
 * @property {string} rarity How rare the highest score is among genuine faces, or empty.
 * @property {string[]} origin What the file says of its origin, one line each; no part of the score.
 * @property {boolean} told Whether it says anything but how it was saved.
 * @property {string} note What else the reader should know, or empty.
 */

const GREY = "#8b93a1";
const MOST_LINES = 8;
const MOST_CHARS = 300;
/** @type {Record<string, string>} */
const KINDS = {
  swap: "It looks most like a swapped face: somebody else's face put onto this person.",
  reenacted: "It looks most like a steered face: an expression or mouth changed by software.",
  retouch: "It looks most like a retouched face: eyes, nose, mouth or skin edited.",
  generated: "It looks most like a generated face: a person who may not exist.",
};

/**
 * Put a judgement into words.
 *
 * @param {Judgement} judgement As `/v1/predict` gives it.
 * @param {string} sha256 Of the picture's bytes.
 * @returns {Finding}
 */
export function findingOf(judgement, sha256) {
  const { verdict, faces, thresholds } = judgement.report;
  const base = {
    label: verdict.label,
    sha256,
    percent: percentOf(verdict.p_fake),
    tone: verdict.label === "fake" ? tone(strengthOf(verdict.p_fake, thresholds.fake)) : GREY,
    rarity: rarityOf(faces),
    ...originOf(judgement.report.provenance),
    note:
      thresholds.source === "user"
        ? `Whoever runs the server moved the line to ${percentOf(thresholds.fake)} of 100; what was measured about the model does not hold for it.`
        : "",
  };
  if (verdict.label === "fake") return { ...base, ...wordsOfFake(faces) };
  if (verdict.label === "uncertain") {
    const reason = verdict.reasons?.[0] ?? (faces.length === 1 ? faces[0].verdict.reasons?.[0] : undefined);
    return {
      ...base,
      title: "Uncertain",
      text: `FakeWeb cannot tell${reason ? `: ${oneLine(reason)}` : ""}. Take it neither as real nor as manipulated.`,
    };
  }
  if (verdict.label === "real") {
    const [but] = (verdict.reasons ?? []).map(oneLine);
    const shown = but ? "Taken together, the faces show" : faces.length === 1 ? "The face shows" : `The ${faces.length} faces show`;
    return {
      ...base,
      title: "No sign of manipulation found",
      text: `${shown} nothing that this program knows how to find${but ? `; ${but}` : ""}. That does not prove the
        picture genuine.`.replace(/\s+/g, " "),
    };
  }
  return {
    ...base,
    title: "No face found",
    text: "FakeWeb only judges faces, so it says nothing about this picture. Small or covered faces may be missed.",
  };
}

/** @type {Record<string, string>} */
const READ_FROM = {
  page: "The file could not be read again; the pixels that the page holds were judged.",
  screen: "The file could not be read again; what the screen shows was judged: perhaps smaller than the file, and with what lies over it.",
};

/**
 * Say in a finding that pixels were judged instead of the file.
 *
 * @param {Finding} finding
 * @param {string} [from]
 * @returns {Finding}
 */
export function notedAs(finding, from) {
  return from && READ_FROM[from] ? { ...finding, origin: [], told: false, note: `${READ_FROM[from]} ${finding.note}`.trim() } : finding;
}

/** @param {Face[]} faces */
function wordsOfFake(faces) {
  const fakes = faces.filter((f) => f.verdict.label === "fake");
  const [worst] = [...fakes].sort((a, b) => (b.verdict.p_fake ?? 0) - (a.verdict.p_fake ?? 0));
  const [kind] = Object.entries(worst?.score?.kinds ?? {}).sort((a, b) => b[1] - a[1])[0] ?? [""];
  const title =
    faces.length === 1
      ? "This face looks manipulated"
      : `${fakes.length} of ${faces.length} faces look${fakes.length === 1 ? "s" : ""} manipulated`;
  const standsOut = worst?.neighbours?.one_in ? ` It ${oneLine(worst.verdict.reasons[0])}.` : "";
  return { title, text: (KINDS[kind] ?? "Of which kind is not known.") + standsOut };
}

/**
 * Say how rare the highest score among some faces is among genuine ones; nothing of faces that are called real.
 *
 * @param {Face[]} faces
 */
function rarityOf(faces) {
  const told = faces.flatMap((f) => (f.verdict.label === "real" ? [] : (f.rarity ?? [])));
  if (!told.length) return "";
  const { one_in: oneIn, measured_on: all } = told.reduce((a, b) => (b.one_in > a.one_in ? b : a));
  const count = (/** @type {number} */ n) => n.toLocaleString("en");
  const about = oneIn >= (0.999 * all) / 3 ? "at most" : "about";
  const share = oneIn >= 3 ? `1 in ${count(Number(oneIn.toPrecision(2)))}` : `${Math.round(100 / oneIn)} in 100`;
  return `Of the ${count(all)} genuine faces it was measured on, ${about} ${share} scored as high; on other cameras and websites it
    can be several times more.`.replace(/\s+/g, " ");
}

/**
 * Say what a file tells of its origin, in the order of the other forms of a report; nothing where nobody looked.
 *
 * The lines quote what strangers wrote into the file: each is cut and kept on one line, and there are never many.
 *
 * @param {any} found
 * @returns {{origin: string[], told: boolean}}
 */
function originOf(found) {
  if (!found) return { origin: [], told: false };
  /** @type {{says?: unknown, text?: unknown}[]} */
  const signals = Array.isArray(found.signals) ? found.signals.filter(Boolean) : [];
  const contradictions = Array.isArray(found.contradictions) ? found.contradictions : [];
  const telling = signals.filter((s) => s.says !== "technical").map((s) => s.text);
  const technical = signals.filter((s) => s.says === "technical").map((s) => oneLine(s.text));
  const lines = [
    ...contradictions.map((/** @type {unknown} */ text) => `Contradiction: ${oneLine(text)}`),
    ...(telling.length ? telling : ["Unknown: nothing in the file says where it comes from."]),
  ];
  const more = lines.length > MOST_LINES ? [`and ${lines.length - MOST_LINES} more notes`] : [];
  const saved = technical.length ? [technical.join(" ")] : [];
  const type = found.digital_source_type ? ` (${oneLine(found.digital_source_type)})` : "";
  const label = found.label_text ? [`By its own words it could be labelled ${oneLine(found.label_text)}${type}.`] : [];
  return {
    origin: [...lines.slice(0, MOST_LINES), ...more, ...saved, ...label].map(oneLine),
    told: telling.length > 0 || contradictions.length > 0,
  };
}

/**
 * Return a text on one line and not long, without characters that turn the reading direction.
 *
 * @param {unknown} text
 */
export function oneLine(text) {
  const letters = [...String(text ?? "").replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, " ").trim()];
  return letters.length > MOST_CHARS ? `${letters.slice(0, MOST_CHARS - 1).join("")}…` : letters.join("");
}

/**
 * Return what a picture is called, by the last part of its address.
 *
 * @param {string} url
 */
export function nameOf(url) {
  const inPage = "a picture inside the page";
  if (!/^https?:/i.test(url)) return inPage;
  const part = new URL(url).pathname.split("/").pop() ?? "";
  try {
    return oneLine(decodeURIComponent(part)) || inPage;
  } catch {
    return oneLine(part);
  }
}

/**
 * Return P(fake) in whole per cent, never 0 or 100: a probability is no certainty.
 *
 * @param {number | null} pFake
 */
export function percentOf(pFake) {
  return pFake === null ? null : Math.min(99, Math.max(1, Math.round(100 * pFake)));
}

/**
 * @param {number | null} pFake
 * @param {number} threshold
 */
export function strengthOf(pFake, threshold) {
  if (pFake === null || threshold >= 1) return 0;
  return Math.min(1, Math.max(0, (pFake - threshold) / (1 - threshold)));
}

/**
 * Say what a tab's counts mean, for the icon's tooltip.
 *
 * @param {import("./tabs.js").Counts} counts
 */
export function tooltip(counts) {
  const looked = counts.fake + counts.uncertain + counts.real + counts.no_face;
  const found = counts.fake === 0 ? "none looks" : counts.fake === 1 ? "1 looks" : `${counts.fake} look`;
  return `FakeWeb is on: ${looked} picture${looked === 1 ? "" : "s"} looked at, ${found} manipulated`;
}
