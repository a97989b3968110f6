// As render/evidence.py: a classifier's map, brought from its crop to the triangles of the mesh.
import type { Face } from "../api/client";
import { TRIANGLES, type Point } from "./topology";

const INNER: readonly (readonly [number, number, number])[] = [
  [1 / 3, 1 / 3, 1 / 3],
  [4 / 6, 1 / 6, 1 / 6],
  [1 / 6, 4 / 6, 1 / 6],
  [1 / 6, 1 / 6, 4 / 6],
];

/** The mean evidence on each triangle, in [0, 1]; null where the model gives no map. */
export function evidenceOnTriangles(score: Face["score"], points: readonly Point[]): number[] | null {
  const map = score?.evidence;
  const to = score?.evidence_to_image;
  if (!map?.length || !to) return null;
  const [[a, b, c], [d, e, f]] = to as [[number, number, number], [number, number, number]];
  const det = a * e - b * d;
  if (!det) return null;
  const at = (column: number, row: number) => map[row]?.[column] ?? 0;
  return TRIANGLES.map((corners) => {
    let sum = 0;
    for (const weights of INNER) {
      let x = -c, y = -f;
      corners.forEach((corner, i) => {
        x += weights[i]! * points[corner]![0]!;
        y += weights[i]! * points[corner]![1]!;
      });
      const u = (e * x - b * y) / det, v = (a * y - d * x) / det;
      const i = Math.floor(u), j = Math.floor(v);
      const s = u - i, t = v - j;
      sum += (1 - t) * ((1 - s) * at(i, j) + s * at(i + 1, j)) + t * ((1 - s) * at(i, j + 1) + s * at(i + 1, j + 1));
    }
    return sum / INNER.length;
  });
}
