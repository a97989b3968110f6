// The faces of a group: how they are sorted and told apart, and which lies next to which.
import type { Face } from "./api/client";

/** Beyond so many faces, numbers and cards are shown for the chosen face only. */
export const MANY = 8;

export const SORTS = ["suspicious", "unclear", "unjudged", "genuine"] as const;
export type Sort = (typeof SORTS)[number];

/** Called fake or standing out; between the lines; without a score; called real. */
export function sortOf(face: Face): Sort {
  const { label, p_fake: p } = face.verdict;
  if (label === "real") return "genuine";
  if (label === "fake" || face.neighbours?.one_in) return "suspicious";
  return p === null ? "unjudged" : "unclear";
}

/** The faces whose scores are rarest among genuine ones first, those without a score last. */
export function ranked(faces: readonly Face[]): Face[] {
  const worth = (face: Face) => [
    Number(face.verdict.label === "fake"),
    Number(sortOf(face) === "suspicious"),
    face.verdict.p_fake === null ? -1 : (face.rarity?.one_in ?? 0),
    face.verdict.p_fake ?? -1,
  ];
  const key = new Map(faces.map((face) => [face, worth(face)]));
  return [...faces].sort((a, b) => {
    const [one, other] = [key.get(a)!, key.get(b)!];
    const at = one.findIndex((value, i) => value !== other[i]);
    return at < 0 ? a.number - b.number : other[at]! - one[at]!;
  });
}

export type Box = readonly [number, number, number, number];
export type Direction = "ArrowLeft" | "ArrowRight" | "ArrowUp" | "ArrowDown";
const TO: Record<Direction, readonly [number, number]> = {
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
};
/** What a step aside costs beside a step ahead. */
const ASIDE = 2;

export const isDirection = (key: string): key is Direction => key in TO;

/** The next face from one in a direction; null at the end. */
export function nextTo(from: Face, faces: readonly Face[], direction: Direction): Face | null {
  const [dx, dy] = TO[direction];
  const middle = ({ box: [x0, y0, x1, y1] }: Face) => [(x0! + x1!) / 2, (y0! + y1!) / 2] as const;
  const [x, y] = middle(from);
  let best: Face | null = null, least = Infinity;
  for (const face of faces) {
    const [u, v] = middle(face);
    const ahead = (u - x) * dx + (v - y) * dy, aside = Math.abs((u - x) * dy) + Math.abs((v - y) * dx);
    if (ahead <= 0 || aside > 2 * ahead || ahead + ASIDE * aside >= least) continue;
    [best, least] = [face, ahead + ASIDE * aside];
  }
  return best;
}
