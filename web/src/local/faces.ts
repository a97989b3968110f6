// Faces and where they stand, as src/fakeweb/faces has them: square.py, mesh.py, align.py, suppress.py, own.py.
import { box as BOX_VALUES, contours, mean, stable } from "../../../src/fakeweb/topology.json";
import { part, rint, resized, square, warped, type Affine, type Picture } from "./pixels";

export type Box = readonly [number, number, number, number];
export type Point2 = readonly [number, number];
export type Point3 = readonly [number, number, number];

export interface Face {
  box: Box;
  confidence: number;
  points: readonly Point2[] | null;
  mesh: readonly Point3[] | null;
  presence: number | null;
  printed: number | null;
}

const MEAN = mean as unknown as readonly Point3[];
const STABLE = stable as readonly number[];
const [MX0, MY0, MX1, MY1] = BOX_VALUES as unknown as Box;
const EYE_CORNERS = [contours.right_eye[0]!, contours.left_eye[0]!] as const;
const BROW = 0.074;
const EYES_APART = 1.0, EYES_TO_MOUTH = 1.05;
const LENGTH = 1.89;
const MIDDLE: Point3 = [0, 0.275, 0.2];
const LEVEL_FROM_RAD = (25 * Math.PI) / 180;

export const widthOf = ({ box }: { box: Box }) => box[2] - box[0];
export const heightOf = ({ box }: { box: Box }) => box[3] - box[1];

/** How far a face is turned in the picture's plane, clockwise in radians, by its five points. */
export function rollByPoints({ points }: Face): number {
  if (!points) return 0;
  const [[ax, ay], [bx, by], , [mx, my], [nx, ny]] = points as unknown as [Point2, Point2, Point2, Point2, Point2];
  const down = [(mx + nx) / 2 - (ax + bx) / 2, (my + ny) / 2 - (ay + by) / 2] as const;
  let across: Point2 = [bx - ax, by - ay];
  if (across[0] * down[1] - across[1] * down[0] < 0) across = [-across[0], -across[1]];
  const vote = [across[0] * EYES_APART + down[1] * EYES_TO_MOUTH, across[1] * EYES_APART - down[0] * EYES_TO_MOUTH] as const;
  return vote[0] || vote[1] ? Math.atan2(vote[1], vote[0]) : 0;
}

/** The same by the line through the outer corners of the eyes. */
export function rollByEyes(face: Face): number {
  if (!face.mesh) return rollByPoints(face);
  const [from, to] = [face.mesh[EYE_CORNERS[0]]!, face.mesh[EYE_CORNERS[1]]!];
  return Math.atan2(to[1] - from[1], to[0] - from[0]);
}

/** The map from a levelled square around a face to the picture. */
export function squareAffine(face: Face, sidePx: number, margin: number, turn = rollByPoints(face)): Affine {
  const [x0, y0, x1, y1] = face.box;
  const scale = (margin * Math.max(x1 - x0, y1 - y0)) / sidePx;
  const cos = scale * Math.cos(turn), sin = scale * Math.sin(turn), middle = (sidePx - 1) / 2;
  const x = (x0 + x1 - 1) / 2, y = (y0 + y1 - 1) / 2;
  return [cos, -sin, x - (cos - sin) * middle, sin, cos, y - (sin + cos) * middle];
}

/** Cut such a square out of a picture; shrinking averages over areas first. */
export function cut(from: Picture, map: Affine, sidePx: number): Picture {
  const [a, b, c, d, e, f] = map;
  const scale = Math.sqrt(Math.abs(a * e - b * d));
  const xs = [c, a * sidePx + c, b * sidePx + c, (a + b) * sidePx + c], ys = [f, d * sidePx + f, e * sidePx + f, (d + e) * sidePx + f];
  const shrink = Math.max(1, Math.trunc(scale / 1.2));
  const left = Math.min(Math.max(Math.floor(Math.min(...xs)) - 2 * shrink, 0), from.width - 1);
  const top = Math.min(Math.max(Math.floor(Math.min(...ys)) - 2 * shrink, 0), from.height - 1);
  const right = Math.max(Math.ceil(Math.max(...xs)) + 2 * shrink, left + 1), bottom = Math.max(Math.ceil(Math.max(...ys)) + 2 * shrink, top + 1);
  let piece = part(from, top, bottom, left, right);
  let there: Affine = [a, b, c - left, d, e, f - top];
  if (shrink > 1) {
    const width = Math.max(1, rint(piece.width / shrink)), height = Math.max(1, rint(piece.height / shrink));
    const u = width / piece.width, v = height / piece.height;
    piece = resized(piece, width, height);
    there = [there[0] * u, there[1] * u, there[2] * u + 0.5 * u - 0.5, there[3] * v, there[4] * v, there[5] * v + 0.5 * v - 0.5];
  }
  return warped(piece, there, sidePx, "repeat");
}

/** How far a mesh is turned: the angle of the best similarity onto the mean face. */
export function rollOfMesh(mesh: readonly Point3[]): number {
  const n = STABLE.length, sum = [0, 0, 0, 0] as [number, number, number, number];
  for (const i of STABLE) {
    sum[0] += mesh[i]![0]; sum[1] += mesh[i]![1]; sum[2] += MEAN[i]![0]; sum[3] += MEAN[i]![1];
  }
  const [sx, sy, mx, my] = sum.map((v) => v / n) as [number, number, number, number];
  let re = 0, im = 0;
  for (const i of STABLE) {
    const u = mesh[i]![0] - sx, v = mesh[i]![1] - sy, p = MEAN[i]![0] - mx, q = MEAN[i]![1] - my;
    re += p * u + q * v;
    im += p * v - q * u;
  }
  return Math.atan2(im, re);
}

export function toPicture(points: readonly Point3[], [a, b, c, d, e, f]: Affine): Point3[] {
  const scale = Math.sqrt(Math.abs(a * e - b * d)), single = Math.fround;
  return points.map(([x, y, z]) => [single(a * x + b * y + c), single(d * x + e * y + f), single(z * scale)]);
}

const MEAN_X = MEAN.reduce((s, p) => s + p[0], 0) / MEAN.length, MEAN_Y = MEAN.reduce((s, p) => s + p[1], 0) / MEAN.length;

/** The box that finders draw around a face of this mesh: the mean face's box, carried over by the nearest affine map. */
export function boxAround(mesh: readonly Point3[]): Box {
  const n = mesh.length;
  const cx = mesh.reduce((s, p) => s + p[0], 0) / n, cy = mesh.reduce((s, p) => s + p[1], 0) / n;
  let pp = 0, pq = 0, qq = 0, px = 0, qx = 0, py = 0, qy = 0;
  mesh.forEach(([x, y], i) => {
    const p = MEAN[i]![0] - MEAN_X, q = MEAN[i]![1] - MEAN_Y, u = x - cx, v = y - cy;
    pp += p * p; pq += p * q; qq += q * q; px += p * u; qx += q * u; py += p * v; qy += q * v;
  });
  const det = pp * qq - pq * pq;
  const a = (px * qq - qx * pq) / det, b = (qx * pp - px * pq) / det, c = (py * qq - qy * pq) / det, d = (qy * pp - py * pq) / det;
  const top = MY0 - BROW * (MY1 - MY0), mx = (MX0 + MX1) / 2 - MEAN_X, my = (top + MY1) / 2 - MEAN_Y;
  const hw = (MX1 - MX0) / 2, hh = (MY1 - top) / 2;
  const x = a * mx + b * my + cx, y = c * mx + d * my + cy, w = Math.hypot(a * hw, b * hh), h = Math.hypot(c * hw, d * hh);
  return [x - w, y - h, x + w, y + h];
}

/** Keep the most confident of faces that overlap. */
export function suppress(faces: readonly Face[], most = 0.4): Face[] {
  const area = (f: Face) => widthOf(f) * heightOf(f);
  const order = [...faces].sort((p, q) => q.confidence - p.confidence || area(q) - area(p) || byBox(p, q));
  const kept: Face[] = [];
  for (const one of order) {
    const over = kept.some((other) => {
      const across = Math.min(one.box[2], other.box[2]) - Math.max(one.box[0], other.box[0]);
      const down = Math.min(one.box[3], other.box[3]) - Math.max(one.box[1], other.box[1]);
      return (Math.max(0, across) * Math.max(0, down)) / Math.min(area(one), area(other)) > most;
    });
    if (!over) kept.push(one);
  }
  return kept;
}

export function byBox(a: Face, b: Face): number {
  for (let i = 0; i < 4; i++) if (a.box[i] !== b.box[i]) return a.box[i]! - b.box[i]!;
  return 0;
}

export function isInside({ box }: Face, picture: { width: number; height: number }): boolean {
  const x = (box[0] + box[2]) / 2, y = (box[1] + box[3]) / 2;
  return x >= 0 && x < picture.width && y >= 0 && y < picture.height;
}

/** Where a face stands in the picture: middle, length from brow to chin, how far it is turned in the plane. */
export interface Stand { x: number; y: number; lengthPx: number; rollRad: number }

const KEY_MIDDLE: Point3 = [0, 1, 2].map((k) => STABLE.reduce((s, i) => s + MEAN[i]![k]!, 0) / STABLE.length) as unknown as Point3;
const KEY_SIZE = STABLE.reduce((s, i) => s + MEAN[i]!.reduce((t, v, k) => t + (v - KEY_MIDDLE[k]!) ** 2, 0), 0);

type Rotation = readonly (readonly number[])[];

/** Fit the mean face's stable points to a mesh's by a similarity in space: rotation, scale and the mesh's middle. */
export function fitted(mesh: readonly Point3[]): { turn: Rotation; scale: number; middle: Point3 } {
  const middle = [0, 1, 2].map((k) => STABLE.reduce((s, i) => s + mesh[i]![k]!, 0) / STABLE.length) as unknown as Point3;
  // S[i][j]: sum of key i times seen j; Horn, Closed-form solution of absolute orientation using unit quaternions, 1987
  const S = [[0, 0, 0], [0, 0, 0], [0, 0, 0]];
  for (const i of STABLE) {
    for (let k = 0; k < 3; k++) for (let m = 0; m < 3; m++) S[k]![m]! += (MEAN[i]![k]! - KEY_MIDDLE[k]!) * (mesh[i]![m]! - middle[m]!);
  }
  const [[xx, xy, xz], [yx, yy, yz], [zx, zy, zz]] = S as unknown as [Point3, Point3, Point3];
  const { value, vector: [w, x, y, z] } = largestEigen([
    [xx + yy + zz, yz - zy, zx - xz, xy - yx],
    [yz - zy, xx - yy - zz, xy + yx, zx + xz],
    [zx - xz, xy + yx, yy - xx - zz, yz + zy],
    [xy - yx, zx + xz, yz + zy, zz - xx - yy],
  ]);
  const turn = [
    [w * w + x * x - y * y - z * z, 2 * (x * y - w * z), 2 * (x * z + w * y)],
    [2 * (x * y + w * z), w * w - x * x + y * y - z * z, 2 * (y * z - w * x)],
    [2 * (x * z - w * y), 2 * (y * z + w * x), w * w - x * x - y * y + z * z],
  ];
  return { turn, scale: value / KEY_SIZE, middle };
}

/** The largest eigenvalue of a symmetric 4 x 4 matrix and its unit vector: Jacobi's rotations. */
function largestEigen(matrix: number[][]): { value: number; vector: [number, number, number, number] } {
  const a = matrix.map((row) => [...row]), v = [0, 1, 2, 3].map((i) => [0, 1, 2, 3].map((j) => Number(i === j)));
  for (let sweep = 0; sweep < 60; sweep++) {
    let off = 0;
    for (let p = 0; p < 3; p++) {
      for (let q = p + 1; q < 4; q++) {
        off += a[p]![q]! ** 2;
        if (Math.abs(a[p]![q]!) < 1e-300) continue;
        const theta = (a[q]![q]! - a[p]![p]!) / (2 * a[p]![q]!);
        const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
        const c = 1 / Math.sqrt(t * t + 1), s = t * c;
        for (let k = 0; k < 4; k++) [a[k]![p], a[k]![q]] = [c * a[k]![p]! - s * a[k]![q]!, s * a[k]![p]! + c * a[k]![q]!];
        for (let k = 0; k < 4; k++) [a[p]![k], a[q]![k]] = [c * a[p]![k]! - s * a[q]![k]!, s * a[p]![k]! + c * a[q]![k]!];
        for (let k = 0; k < 4; k++) [v[k]![p], v[k]![q]] = [c * v[k]![p]! - s * v[k]![q]!, s * v[k]![p]! + c * v[k]![q]!];
      }
    }
    if (off < 1e-24) break;
  }
  const at = [0, 1, 2, 3].reduce((best, i) => (a[i]![i]! > a[best]![best]! ? i : best), 0);
  return { value: a[at]![at]!, vector: [0, 1, 2, 3].map((k) => v[k]![at]!) as [number, number, number, number] };
}

export function standOf(face: Face): Stand {
  if (!face.mesh) {
    const [x0, y0, x1, y1] = face.box;
    return { x: (x0 + x1) / 2, y: (y0 + y1) / 2, lengthPx: Math.max(x1 - x0, y1 - y0), rollRad: rollByPoints(face) };
  }
  const { turn, scale, middle } = fitted(face.mesh);
  const from = MIDDLE.map((v, k) => v - KEY_MIDDLE[k]!);
  const [x, y] = [0, 1].map((k) => middle[k]! + scale * turn[k]!.reduce((s, r, m) => s + r * from[m]!, 0)) as [number, number];
  return { x: x + 0.5, y: y + 0.5, lengthPx: LENGTH * scale, rollRad: Math.atan2(turn[1]![0]!, turn[0]![0]!) };
}

export interface Crop { picture: Picture; toImage: Affine }

/** Cut a square around a face and resize it; null where it lies wholly outside the picture. */
export function align(from: Picture, face: Face, sidePx: number, margin: number): Crop | null {
  const stand = standOf(face), side = Math.max(2, rint(margin * stand.lengthPx));
  if (Math.abs(stand.rollRad) > LEVEL_FROM_RAD) return levelled(from, stand, side, sidePx);
  const left = rint(stand.x - side / 2), top = rint(stand.y - side / 2);
  const found = square(from, left, top, side);
  if (!found) return null;
  const scale = side / sidePx, offset = scale / 2 - 0.5;
  return { picture: resized(found, sidePx, sidePx), toImage: [scale, 0, left + offset, 0, scale, top + offset] };
}

function levelled(from: Picture, stand: Stand, side: number, sidePx: number): Crop | null {
  const c = Math.cos(stand.rollRad), s = Math.sin(stand.rollRad);
  const wide = Math.ceil(side * (Math.abs(c) + Math.abs(s))) + 2;
  const left = rint(stand.x - wide / 2), top = rint(stand.y - wide / 2);
  const around = square(from, left, top, wide);
  if (!around) return null;
  const shrunk = Math.min(wide, Math.max(2, rint((wide * sidePx) / side))), scale = wide / shrunk;
  const dx = left + scale / 2 - 0.5, dy = top + scale / 2 - 0.5;
  const cos = (side / sidePx) * c, sin = (side / sidePx) * s, half = (sidePx - 1) / 2;
  const mx = stand.x - 0.5 - (cos - sin) * half, my = stand.y - 0.5 - (sin + cos) * half;
  const map: Affine = [cos / scale, -sin / scale, (mx - dx) / scale, sin / scale, cos / scale, (my - dy) / scale];
  return { picture: warped(resized(around, shrunk, shrunk), map, sidePx, "mirror"), toImage: [cos, -sin, mx, sin, cos, my] };
}

/** The share of a face's square that lies in the picture. */
export function shareInside(picture: { width: number; height: number }, face: Face): number {
  const stand = standOf(face), half = stand.lengthPx / 2;
  const hold = (v: number, most: number) => Math.min(most, Math.max(0, v));
  const across = hold(stand.x + half, picture.width) - hold(stand.x - half, picture.width);
  const down = hold(stand.y + half, picture.height) - hold(stand.y - half, picture.height);
  return (across * down) / Math.max(4 * half * half, 1e-9);
}

/** How far the head is turned to a side, 0 to 90 degrees; NaN without a mesh. */
export function yawDeg(face: Face): number {
  if (!face.mesh) return NaN;
  const { turn } = fitted(face.mesh);
  return Math.abs((Math.atan2(turn[0]![2]!, Math.abs(turn[2]![2]!)) * 180) / Math.PI);
}
