// From what was measured on faces to verdicts, as src/fakeweb/scanner/decide.py and runtime/norms.py have it: same
// thresholds, same rule for groups, same words.
import { heightOf, widthOf, type Face } from "./faces";
import { probability, type ClassifierCard, type GroupNorm, type MeshCard, type RarityNorm } from "./models";
import { rint } from "./pixels";
import type { Quality } from "./quality";

export type Label = "real" | "fake" | "uncertain" | "no_face";
export interface Verdict { label: Label; p_fake: number | null; reasons: string[] }
export interface Score {
  p_fake: number;
  logit: number;
  model: string;
  kinds: Record<string, number> | null;
  evidence: number[][] | null;
  evidence_to_image: number[][] | null;
}
export interface Rarity { one_in: number; interval: [number, number]; measured_on: number }
export interface Neighbours { judged: number; z: number; one_in: number | null }
export interface Result { face: Face; verdict: Verdict; score: Score | null; rarity: Rarity | null; neighbours: Neighbours | null; weighed: boolean }
interface Caution { words: string; forbids: boolean }
export interface Seen { face: Face; score: Score | null; unjudged: string | null; cautions: Caution[]; inside: number }

const SHORT_PX = 80;
const SHARPNESS = [3.0, 2.3] as const;
const BRIGHTNESS = [45, 30] as const;
const LIT = [0.75, 0.5] as const;
const YAW_DEG = [40, 60] as const;
const INSIDE = [0.75, 0.5] as const;
const BLOCKS = 1.7;
const PRESENCE = 0.6;
const WHOLE = 0.9;
const FOREGROUND = 0.7;
const JUST = 1e-4;
const NAMED = 5;

export class Rules {
  readonly real: number;
  readonly fake: number;
  readonly leastPx: number;
  readonly fullPx: number;
  readonly maxPrinted: number;

  constructor(readonly card: ClassifierCard, mesh: MeshCard) {
    const { decision: d, calibration, norms } = card;
    this.fake = probability(calibration, d.tail_logit + d.tail_scale * Math.log(d.tail_rate / d.false_alarms));
    this.real = Math.min(d.real, this.fake);
    this.fullPx = d.min_face_px;
    this.leastPx = Math.min(d.min_face_px, norms?.small?.min_face_px ?? Infinity);
    this.maxPrinted = mesh.mesh.max_printed;
  }

  /** A score that counts for its face's size, which makes no face real that is not without it. */
  sized(face: Face, score: Score): Score {
    const small = this.card.norms?.small;
    if (!small || widthOf(face) >= this.fullPx) return score;
    const logit = score.logit - small.offset;
    let p = probability(this.card.calibration, logit);
    if (p <= this.real && this.real < score.p_fake) p = Math.min(score.p_fake, this.real + JUST);
    return { ...score, logit, p_fake: p };
  }

  isPrint = ({ face }: Seen) => face.printed !== null && face.printed > this.maxPrinted;
  isJudged = (seen: Seen) => seen.score !== null && !seen.cautions.some((c) => c.forbids) && !this.isPrint(seen);
}

export function tooSmall(face: Face, leastPx: number): string | null {
  return widthOf(face) >= leastPx ? null : `too small to judge: ${Math.trunc(widthOf(face))} px wide, ${leastPx.toFixed(0)} px needed`;
}

export function cautionsOf(face: Face, quality: Quality): Caution[] {
  const yaw = rint(quality.yawDeg);
  const found = [
    below(quality.sharpness, SHARPNESS, "blurred", "too blurred to judge"),
    below(quality.brightness, BRIGHTNESS, "dark", "too dark to judge"),
    below(quality.lit, LIT, "harsh light: much of it is black or white", "most of it is mere black or white"),
    below(quality.inside, INSIDE, "cut by the picture's border", "half of it lies outside the picture"),
    below(-quality.yawDeg, [-YAW_DEG[0], -YAW_DEG[1]], `turned to the side by ${yaw} degrees`, `turned too far to the side to judge, by ${yaw} degrees`),
  ];
  if (quality.lengthPx < SHORT_PX) found.push({ words: `low resolution: ${rint(quality.lengthPx)} px from brow to chin`, forbids: false });
  if (quality.blocks > BLOCKS) found.push({ words: "strongly compressed", forbids: false });
  if (face.presence !== null && face.presence < PRESENCE) found.push({ words: "hardly made out as a face; part of it may be covered", forbids: false });
  return forbiddingFirst(found.filter((caution) => caution !== null));
}

const forbiddingFirst = (cautions: readonly Caution[]) => [...cautions].sort((a, b) => Number(b.forbids) - Number(a.forbids));

function below(value: number, limits: readonly [number, number], worthSaying: string, tooMuch: string): Caution | null {
  if (value < limits[1]) return { words: tooMuch, forbids: true };
  return value < limits[0] ? { words: worthSaying, forbids: false } : null;
}

interface Compared { neighbours: Neighbours; isTelling: boolean; isUsual: boolean }

/** The result of each face, and the verdict on the picture. */
export function conclude(seen: readonly Seen[], rules: Rules): { results: Result[]; verdict: Verdict } {
  const judged = seen.map(rules.isJudged), main = foreground(seen, judged);
  const usual: boolean[] = [];
  const results = seen.map((one, place) => {
    const others = seen.flatMap((other, i) => (judged[i] && i !== place ? [other.score!.logit] : []));
    const near = judged[place] ? compare(one.score!, others, rules) : null;
    const result = judgeFace(one, near, rules);
    usual.push(near !== null && near.isUsual);
    return { ...result, weighed: result.verdict.label === "fake" || !isBystander(one, main) };
  });
  return { results, verdict: whole(seen, results, judged, usual, rules.fake) };
}

function judgeFace(seen: Seen, near: Compared | null, rules: Rules): Omit<Result, "weighed"> {
  const { face, score } = seen;
  const unsettled = (p: number | null, reasons: string[]) =>
    ({ face, verdict: { label: "uncertain" as const, p_fake: p, reasons }, score, rarity: null, neighbours: null });
  if (!score) return unsettled(null, [seen.unjudged ?? "not judged"]);
  if (rules.isPrint(seen)) return unsettled(score.p_fake, ["looks like a picture within the picture (paper, cloth or a screen), which cannot be judged"]);
  const cautions = forbiddingFirst(seen.cautions), words = cautions.map((caution) => caution.words);
  if (cautions[0]?.forbids) return unsettled(score.p_fake, words);
  const verdict = decideFace(score, rules, near);
  const norm = rules.card.norms?.rarity;
  return {
    face, verdict: { ...verdict, reasons: [...verdict.reasons, ...words] }, score,
    rarity: norm ? rarityOf(norm, score.logit) : null, neighbours: near && near.neighbours,
  };
}

function decideFace({ p_fake: p }: Score, rules: Rules, near: Compared | null): Verdict {
  const told = near ? nearWords(near.neighbours) : [];
  if (p >= rules.fake && (!near || near.isTelling)) return { label: "fake", p_fake: p, reasons: told };
  if (p >= rules.fake && near) {
    return { label: "uncertain", p_fake: p, reasons: [`looks manipulated taken alone, but does not stand out enough from the other ${people(near.neighbours.judged - 1)} here`] };
  }
  if (p <= rules.real) return { label: "real", p_fake: p, reasons: [] };
  return { label: "uncertain", p_fake: p, reasons: told.length ? told : ["the score lies between real and fake"] };
}

/** Measure a face against its neighbours; null for a face alone, or without norms. */
function compare(score: Score, others: readonly number[], rules: Rules): Compared | null {
  const norm = rules.card.norms?.group;
  if (!norm || !others.length) return null;
  const shifted = moved(norm, score.logit, others), faces = others.length + 1, { fake, real } = linesFor(norm, faces);
  const z = (score.logit - median(others)) / norm.within;
  const one_in = shifted > real && z > 0 ? digits(oneIn(norm, shifted, faces), 1) : null;
  return { neighbours: { judged: faces, z: digits(z, 2), one_in }, isTelling: shifted >= fake, isUsual: shifted <= real };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b), n = sorted.length;
  return (sorted[(n - 1) >> 1]! + sorted[n >> 1]!) / 2;
}

/** A logit without what its neighbours say the picture does to every face. */
function moved(norm: GroupNorm, logit: number, others: readonly number[]): number {
  const noise = (norm.within ** 2 * (others.length > 2 ? Math.PI / 2 : 1)) / others.length;
  const level = (norm.between ** 2 / (norm.between ** 2 + noise)) * (median(others) - norm.middle);
  return logit - Math.min(Math.max(level, -norm.give[0]), norm.give[1]);
}

function linesFor(norm: GroupNorm, faces: number): { fake: number; real: number } {
  const table = norm.lines.map(([n, fake, real]) => [Math.log(n), fake, real]), at = Math.log(Math.max(1, faces));
  return { fake: linear(table, at, 1), real: linear(table, at, 2) };
}

function oneIn(norm: GroupNorm, shifted: number, faces: number): number {
  const { fake, real } = linesFor(norm, faces), fall = Math.log(norm.shares[1] / norm.shares[0]) / (fake - real);
  return Math.min(1 / Math.min(1, norm.shares[1] * Math.exp(-fall * (shifted - real))), norm.measured_on / 3);
}

/** How rare a logit is among genuine faces; beyond the last knot as rare as there. */
export function rarityOf(norm: RarityNorm, logit: number): Rarity {
  const table = norm.knots.map(([at, ...rest]) => [at, ...rest.map(Math.log)]);
  const [raw, low, high] = [1, 2, 3].map((column) => Math.exp(linear(table, logit, column))) as [number, number, number];
  const most = norm.measured_on / 3, one = Math.min(Math.max(1, raw), most);
  return {
    one_in: digits(one, 1), measured_on: norm.measured_on,
    interval: [digits(Math.min(Math.max(1, low), one), 1), digits(Math.max(one, Math.min(high, most)), 1)],
  };
}

/** Interpolate a column of a table whose first one rises; held at both ends. */
function linear(table: readonly (readonly number[])[], at: number, column: number): number {
  for (let i = 1; i < table.length; i++) {
    const before = table[i - 1]!, after = table[i]!;
    if (at > after[0]!) continue;
    const share = at <= before[0]! || after[0]! <= before[0]! ? 0 : (at - before[0]!) / (after[0]! - before[0]!);
    return before[column]! + share * (after[column]! - before[column]!);
  }
  return table[table.length - 1]![column]!;
}

export const digits = (value: number, count: number) => rint(value * 10 ** count) / 10 ** count;

function nearWords({ judged, one_in }: Neighbours): string[] {
  return one_in === null ? [] : [`stands out: 1 of ${judged}; in about one of ${asSaid(one_in)} genuine pictures of ${judged} faces one would`];
}

/** A count as people say it: 6, 40, 300. */
function asSaid(count: number): string {
  const unit = count < 20 ? 1 : count < 200 ? 10 : 100;
  return (rint(count / unit) * unit).toLocaleString("en-US");
}

function foreground(seen: readonly Seen[], judged: readonly boolean[]): Seen | null {
  const all = seen.filter((one, i) => judged[i] && one.inside >= WHOLE);
  return all.reduce<Seen | null>((best, one) => (!best || weight(one) > weight(best) ? one : best), null);
}

const weight = ({ face }: Seen) => widthOf(face) * heightOf(face);
const isBystander = (seen: Seen, main: Seen | null) => main !== null && seen.inside < INSIDE[0] && widthOf(main.face) >= FOREGROUND * widthOf(seen.face);
const pOf = (result: Result) => result.verdict.p_fake ?? 0;
const people = (count: number) => (count === 1 ? `${count} face` : `${count} faces`);

function whole(seen: readonly Seen[], results: readonly Result[], judged: readonly boolean[], usual: readonly boolean[], fake: number): Verdict {
  if (!results.length) return { label: "no_face", p_fake: null, reasons: ["no face found; small, turned or covered faces may be missed"] };
  const weighed = results.flatMap((one, i) => (one.weighed ? [i] : [])), sure = weighed.filter((i) => judged[i]);
  if (!sure.length) {
    const scored = weighed.flatMap((i) => results[i]!.verdict.p_fake ?? []);
    const why = weighed.length === 1 ? [...results[weighed[0]!]!.verdict.reasons] : ["no face could be judged"];
    return { label: "uncertain", p_fake: scored.length ? Math.max(...scored) : null, reasons: why };
  }
  const p = Math.max(...sure.map((i) => pOf(results[i]!)));
  const waved = sure.filter((i) => results[i]!.verdict.label === "uncertain" && usual[i] && pOf(results[i]!) < fake);
  const labels = new Set(sure.map((i) => (waved.includes(i) ? "real" : results[i]!.verdict.label)));
  let label: Label = labels.has("fake") ? "fake" : labels.has("uncertain") ? "uncertain" : "real";
  const reasons: string[] = [];
  if (results.length === 1) reasons.push(...results[0]!.verdict.reasons.slice(0, label === "real" ? 0 : 1));
  else if (label !== "real") reasons.push(...telling(results, label));
  else if (waved.length) reasons.push(`${waved.length} of ${people(sure.length)} lie between real and fake, as in most genuine pictures of so many`);
  const missing = missed(seen, weighed, sure);
  if (missing) {
    reasons.push(missing.words);
    if (label === "real" && missing.tooMuch) label = "uncertain";
  }
  return { label, p_fake: p, reasons };
}

function missed(seen: readonly Seen[], weighed: readonly number[], sure: readonly number[]): { tooMuch: boolean; words: string } | null {
  if (sure.length === weighed.length) return null;
  const largest = weighed.reduce((best, i) => (weight(seen[i]!) > weight(seen[best]!) ? i : best), weighed[0]!);
  if (2 * sure.length < weighed.length) return { tooMuch: true, words: `only ${sure.length} of ${people(weighed.length)} could be judged` };
  if (!sure.includes(largest)) return { tooMuch: true, words: "the largest face could not be judged" };
  return { tooMuch: false, words: `${weighed.length - sure.length} of ${people(weighed.length)} could not be judged` };
}

/** Name the faces a verdict rests on, the most suspicious first; of one, say why. */
function telling(results: readonly Result[], label: Label): string[] {
  const chosen = results
    .map((result, i) => ({ number: i + 1, result }))
    .filter(({ result }) => result.weighed && result.verdict.label === label && (label === "fake" || result.neighbours?.one_in))
    .sort((a, b) => pOf(b.result) - pOf(a.result));
  const who = chosen.slice(0, NAMED).map(({ number }) => `face ${number}`).join(", ");
  const more = chosen.length > NAMED ? ` and ${chosen.length - NAMED} more` : "";
  if (label === "fake") return [`manipulated: ${who}${more}`];
  if (chosen.length === 1) return [`${who} ${chosen[0]!.result.verdict.reasons[0]}`];
  return chosen.length ? [`${who}${more} stand out`] : [];
}
