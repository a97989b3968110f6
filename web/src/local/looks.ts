// Image pyramid and tiles of the face finder, as src/fakeweb/faces/looks.py and anchor_free.py have them.
import { padded, part, resized, rint, type Picture } from "./pixels";

/** Logit, box x0 y0 x1 y1, five points x y: 15 numbers in pixels. */
export type Find = readonly number[];
/** Top, bottom, left and right of a part of a picture. */
export type Part = readonly [number, number, number, number];

export const STRIDES = [8, 16, 32] as const;
export const SIDES_PX = [112, 256, 640] as const;
const WHOLE_SIDE_PX = SIDES_PX[2];
const TILE_PX = 768;
const LAP_PX = 112;
const FULL_PX = 4096 ** 2;
const LEAST_SCALE = 0.75;
const MOST_TILES = 160;
const STEP = 6.4, LONG_STEP = 4.0;
const GLANCE = 2.5;
const HINT_PX = [14, 24, 40], HINT_LOGITS = [-3, -2.5, -1.5];
export const HINT_LOGIT = HINT_LOGITS[0]!;
const SLACK = 1.3;
const SURE_LOGIT = 2.0;
const LIKELY_LOGIT = -0.5;
const CELL_PX = 32;
const CALL_CELLS = 12;
const MOST_SHARE = 0.75;
const SMALL_CELLS = 100;
const WHOLE_PX = 1100;

export interface Map15 { rows: number; columns: number; values: Float32Array }

/** Read every cell that speaks of a face with at least this logit. */
export function readMaps(maps: readonly Map15[], least: number): Find[] {
  const found: Find[] = [];
  maps.forEach(({ rows, columns, values }, level) => {
    const stride = STRIDES[level]!;
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const at = (row * columns + column) * 15;
        if (!(values[at]! >= least)) continue;
        const x = (column + 0.5) * stride, y = (row + 0.5) * stride;
        const mx = x + values[at + 1]! * stride, my = y + values[at + 2]! * stride;
        const half = (i: number) => Math.exp(Math.min(6, Math.max(-4, values[at + i]!))) * (stride / 2);
        const w = half(3), h = half(4);
        const find = [values[at]!, mx - w, my - h, mx + w, my + h];
        for (let i = 5; i < 15; i += 2) find.push(x + values[at + i]! * stride, y + values[at + i + 1]! * stride);
        found.push(find.map(Math.fround));
      }
    }
  });
  return found;
}

/** Which finds speak of the same face, the surest find and the surest face first. */
export function groups(found: readonly Find[], overlap = 0.35): Find[][] {
  const order = [...found].sort((a, b) => b[0]! - a[0]! || a[1]! - b[1]! || a[2]! - b[2]!);
  const area = order.map((f) => (f[3]! - f[1]!) * (f[4]! - f[2]!));
  const alive = order.map(() => true);
  const faces: Find[][] = [];
  order.forEach((one, i) => {
    if (!alive[i]) return;
    const own = area[i]!, group: Find[] = [];
    order.forEach((other, j) => {
      if (!alive[j]) return;
      const across = Math.min(one[3]!, other[3]!) - Math.max(one[1]!, other[1]!);
      const down = Math.min(one[4]!, other[4]!) - Math.max(one[2]!, other[2]!);
      const shared = Math.max(0, across) * Math.max(0, down), smaller = Math.min(own, area[j]!);
      const same = shared > overlap * (own + area[j]! - shared) || (shared > 0.7 * smaller && smaller > 0.12 * own);
      if (i !== j && !same) return;
      group.push(other);
      alive[j] = false;
    });
    faces.push(group);
  });
  return faces;
}

export const merge = (found: readonly Find[]): Find[] => groups(found).map((group) => group[0]!);

/** The scale, in (0, 1], of the largest copy of a picture that is looked at. */
export function finest(width: number, height: number): number {
  let scale = Math.min(1, Math.max(LEAST_SCALE, Math.sqrt(FULL_PX / (width * height))));
  while (spans(rint(width * scale)).length * spans(rint(height * scale)).length > MOST_TILES) scale *= 0.98;
  return scale;
}

/** The long sides of the copies that are looked at, the largest first. */
export function sides(sidePx: number): number[] {
  const ratio = sidePx / WHOLE_SIDE_PX;
  const steps = ratio > STEP ? Math.ceil(Math.log(ratio) / Math.log(LONG_STEP)) : 1;
  const between: number[] = [];
  for (let i = steps - 1; i > 0; i--) between.push(WHOLE_SIDE_PX * ratio ** (i / steps));
  return [...(ratio > 1 ? [sidePx] : []), ...between, ...[...SIDES_PX].reverse()];
}

/** The long side of the copy whose look says where to look closely at one of this side. */
export const glanced = (sidePx: number) => (sidePx > GLANCE * WHOLE_SIDE_PX * 1.1 ? Math.max(WHOLE_SIDE_PX, sidePx / GLANCE) : WHOLE_SIDE_PX);

/** What coarser looks say about where to look closely. */
export interface Hints {
  /** Whatever the look before took for a face, in pixels of the picture. */
  seen: readonly Find[];
  /** Finds of all looks before, in pixels of the picture. */
  found: readonly Find[];
  /** Pixels of the picture per pixel of the copy that is to be looked at, and of the one looked at before. */
  scale: number;
  seenScale: number;
  /** Larger faces, in pixels of the copy, are not wanted there. */
  largest: number;
}

function useful({ seen, found, scale, largest }: Hints, slack: number) {
  const large = found
    .filter((f) => f[0]! >= SURE_LOGIT)
    .map((f) => [f[1]! / scale, f[2]! / scale, f[3]! / scale, f[4]! / scale] as const)
    .filter(([x0, y0, x1, y1]) => (x1 - x0) * (y1 - y0) > largest ** 2);
  return seen.map((find) => {
    const [logit, x0, y0, x1, y1] = find as unknown as [number, number, number, number, number];
    const size = Math.sqrt(((x1 - x0) / scale) * ((y1 - y0) / scale));
    const x = (x0 + x1) / 2 / scale, y = (y0 + y1) / 2 / scale;
    const hidden = large.some((box) => x >= box[0] && y >= box[1] && x <= box[2] && y <= box[3]);
    return { logit, size, x, y, wanted: size <= slack * largest && !hidden };
  });
}

function line(at: number, from: readonly number[], to: readonly number[]): number {
  if (at <= from[0]!) return to[0]!;
  for (let i = 1; i < from.length; i++) {
    if (at <= from[i]!) return to[i - 1]! + ((at - from[i - 1]!) / (from[i]! - from[i - 1]!)) * (to[i]! - to[i - 1]!);
  }
  return to[to.length - 1]!;
}

/** The parts of a copy that are to be looked at, no larger than a tile. */
export function places(height: number, width: number, hints: Hints | null): Part[] {
  const all = () => tiles(0, height, 0, width);
  if (!hints) return all();
  const likely = useful(hints, 1.1).some((one) => one.wanted && one.logit >= LIKELY_LOGIT);
  if (Math.max(height, width) <= WHOLE_PX && likely) return all();
  const rows = Math.ceil(height / CELL_PX), columns = Math.ceil(width / CELL_PX);
  const marked = new Uint8Array(rows * columns);
  for (const one of useful(hints, SLACK)) {
    const shown = one.size * (hints.scale / hints.seenScale);
    if (!one.wanted || one.logit < line(shown, HINT_PX, HINT_LOGITS)) continue;
    const half = one.logit >= LIKELY_LOGIT ? 1.6 * one.size + 48 : one.size + 16;
    const cell = (at: number, most: number) => Math.min(most, Math.max(0, at));
    const x0 = cell(Math.floor((one.x - half) / CELL_PX), columns), x1 = cell(Math.ceil((one.x + half) / CELL_PX), columns);
    const y0 = cell(Math.floor((one.y - half) / CELL_PX), rows), y1 = cell(Math.ceil((one.y + half) / CELL_PX), rows);
    for (let y = y0; y < y1; y++) marked.fill(1, y * columns + x0, y * columns + Math.max(x0, x1));
  }
  const parts = joined(pieces(marked, rows, columns));
  const total = parts.reduce((sum, one) => sum + areaOf(one), 0);
  if (total > (marked.length > SMALL_CELLS ? MOST_SHARE * marked.length : 0)) return all();
  const found: Part[] = [];
  for (const [top, bottom, left, right] of parts) {
    for (const tile of tiles(top * CELL_PX, Math.min(bottom * CELL_PX, height), left * CELL_PX, Math.min(right * CELL_PX, width))) {
      const [y0, y1, x0, x1] = [Math.floor(tile[0] / CELL_PX), Math.ceil(tile[1] / CELL_PX), Math.floor(tile[2] / CELL_PX), Math.ceil(tile[3] / CELL_PX)];
      let any = false;
      for (let y = y0; y < y1 && !any; y++) any = marked.subarray(y * columns + x0, y * columns + x1).includes(1);
      if (any) found.push(tile);
    }
  }
  return found;
}

/** The boxes around marked cells that touch, also by a corner, in cells. */
function pieces(marked: Uint8Array, rows: number, columns: number): Part[] {
  const seen = new Uint8Array(marked.length), found: Part[] = [];
  for (let start = 0; start < marked.length; start++) {
    if (!marked[start] || seen[start]) continue;
    let [top, bottom, left, right] = [rows, 0, columns, 0];
    const todo = [start];
    seen[start] = 1;
    while (todo.length) {
      const at = todo.pop()!, y = Math.floor(at / columns), x = at % columns;
      [top, bottom, left, right] = [Math.min(top, y), Math.max(bottom, y + 1), Math.min(left, x), Math.max(right, x + 1)];
      for (let v = Math.max(0, y - 1); v <= Math.min(rows - 1, y + 1); v++) {
        for (let u = Math.max(0, x - 1); u <= Math.min(columns - 1, x + 1); u++) {
          const next = v * columns + u;
          if (marked[next] && !seen[next]) { seen[next] = 1; todo.push(next); }
        }
      }
    }
    found.push([top, bottom, left, right]);
  }
  return found;
}

const areaOf = (one: Part) => (one[1] - one[0]) * (one[3] - one[2]);

/** Join parts that meet, and those that cost less as one. */
function joined(parts: Part[]): Part[] {
  const kept: Part[] = [], todo = [...parts];
  while (todo.length) {
    const one = todo.pop()!;
    const at = kept.findIndex((other) => {
      const both = around(one, other);
      const meet = one[0] < other[1] && other[0] < one[1] && one[2] < other[3] && other[2] < one[3];
      const small = Math.max(both[1] - both[0], both[3] - both[2]) * CELL_PX <= TILE_PX;
      return small && (meet || areaOf(both) <= areaOf(one) + areaOf(other) + CALL_CELLS);
    });
    if (at < 0) kept.push(one);
    else todo.push(around(one, kept.splice(at, 1)[0]!));
  }
  return kept;
}

const around = (a: Part, b: Part): Part => [Math.min(a[0], b[0]), Math.max(a[1], b[1]), Math.min(a[2], b[2]), Math.max(a[3], b[3])];

/** Tiles that cover a part of a picture. */
export function tiles(y0: number, y1: number, x0: number, x1: number, narrow = false): Part[] {
  return spans(y1 - y0, narrow).flatMap(([top, bottom]) =>
    spans(x1 - x0, narrow).map(([left, right]): Part => [y0 + top, y0 + bottom, x0 + left, x0 + right]));
}

/** Where tiles begin and end so that they cover a length, evenly, lapping over. */
function spans(length: number, narrow = false): [number, number][] {
  if (length <= TILE_PX) return [[0, length]];
  const count = Math.ceil((length - LAP_PX) / (TILE_PX - LAP_PX));
  const least = Math.ceil((length + (count - 1) * LAP_PX) / (count * CELL_PX)) * CELL_PX;
  const side = narrow ? Math.min(TILE_PX, least) : TILE_PX;
  return Array.from({ length: count }, (_, i) => {
    const begin = rint((i * (length - side)) / (count - 1));
    return [begin, begin + side];
  });
}

/** The picture shrunk to these long sides, each of the next larger one; none twice. */
export function copies(from: Picture, sidesPx: readonly number[]): Picture[] {
  const made: Picture[] = [];
  sidesPx.forEach((sidePx, i) => {
    if ((sidesPx[i + 1] ?? 0) < Math.max(from.width, from.height)) made.push(shrunk(made[made.length - 1] ?? from, sidePx));
  });
  return made;
}

export function shrunk(from: Picture, sidePx: number): Picture {
  let now = from;
  while (Math.max(now.width, now.height) >= 4 * sidePx && Math.min(now.width, now.height) > 1) {
    now = resized(now, Math.floor(now.width / 2), Math.floor(now.height / 2));
  }
  const scale = sidePx / Math.max(now.width, now.height);
  if (scale >= 1) return now;
  return resized(now, Math.max(1, rint(now.width * scale)), Math.max(1, rint(now.height * scale)));
}

/** A part of a copy, filled up so that the network's coarsest cells fit. */
export function forLook(copy: Picture, [top, bottom, left, right]: Part): Picture {
  const whole = top === 0 && left === 0 && bottom === copy.height && right === copy.width;
  const cut = whole ? copy : part(copy, top, bottom, left, right);
  return padded(cut, Math.ceil(cut.width / CELL_PX) * CELL_PX, Math.ceil(cut.height / CELL_PX) * CELL_PX);
}

/** Whether a face reaches over a tile's edge that is not the picture's: the next tile has it whole. */
export function isCutOff(find: Find, [top, bottom, left, right]: Part, height: number, width: number): boolean {
  const [, x0, y0, x1, y1] = find as unknown as [number, number, number, number, number];
  return (left > 0 && x0 < 1) || (top > 0 && y0 < 1) || (right < width && x1 > right - left - 1) || (bottom < height && y1 > bottom - top - 1);
}

/** Bring a find from a part of a shrunk copy to the picture: move, then enlarge. */
export const broughtBack = (find: Find, scale: number, left: number, top: number): Find =>
  find.map((value, i) => (i === 0 ? value : (value + (i % 2 ? left : top)) * scale));

/** Undo mirroring from left to right; left eyes were right ones. */
export function unmirrored(f: Find, width: number): Find {
  const back = [f[0]!, width - f[3]!, f[2]!, width - f[1]!, f[4]!];
  for (const point of [1, 0, 2, 4, 3]) back.push(width - f[5 + 2 * point]!, f[6 + 2 * point]!);
  return back;
}

/** Undo a quarter turn to the left: (x, y) there was (width - y, x) here. */
export function turnedBack(f: Find, width: number): Find {
  const back = [f[0]!, width - f[4]!, f[1]!, width - f[2]!, f[3]!];
  for (let i = 5; i < 15; i += 2) back.push(width - f[i + 1]!, f[i]!);
  return back;
}

/** Undo a quarter turn to the right: (x, y) there was (y, height - x) here. */
export function turnedForth(f: Find, height: number): Find {
  const back = [f[0]!, f[2]!, height - f[3]!, f[4]!, height - f[1]!];
  for (let i = 5; i < 15; i += 2) back.push(f[i + 1]!, height - f[i]!);
  return back;
}
