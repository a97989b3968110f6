// The same 468 points, triangles and contours as the scanner's: the file is the package's own.
import { box, contours, mean, triangles } from "../../../src/fakeweb/topology.json";
import type { Face } from "../api/client";

export type Point = readonly number[];
export type Triangle = readonly [number, number, number];

export const TRIANGLES = triangles as unknown as readonly Triangle[];
export const MEAN = mean as readonly Point[];
const BOX = box as readonly number[];

/** Every side of a triangle once, with the one or two triangles beside it. */
export interface Edge {
  readonly a: number;
  readonly b: number;
  readonly owners: readonly number[];
}

const byEnds = new Map<number, Edge & { owners: number[] }>();
TRIANGLES.forEach(([i, j, k], number) => {
  for (const [p, q] of [[i, j], [j, k], [i, k]] as const) {
    const key = Math.min(p, q) * 1000 + Math.max(p, q);
    const edge = byEnds.get(key);
    if (edge) edge.owners.push(number);
    else byEnds.set(key, { a: Math.min(p, q), b: Math.max(p, q), owners: [number] });
  }
});

export const EDGES: readonly Edge[] = [...byEnds.values()];

/** Lines to stress, as edges in their order. */
export const CONTOURS = Object.entries(contours as Record<string, number[]>).map(([name, line]) => {
  const edges: Edge[] = line.slice(1).map((point, i) => {
    const before = line[i]!;
    return byEnds.get(Math.min(before, point) * 1000 + Math.max(before, point))!;
  });
  return { name, edges };
});

const EDGEWISE = Math.sin((20 * Math.PI) / 180);

/** Tells of each triangle whether it faces the viewer, or is turned away by less than 20 degrees. */
export function facing(mesh: readonly Point[]): boolean[] {
  return TRIANGLES.map(([i, j, k]) => {
    const a = mesh[i]!, b = mesh[j]!, c = mesh[k]!;
    const u = [b[0]! - a[0]!, b[1]! - a[1]!, b[2]! - a[2]!] as const;
    const v = [c[0]! - a[0]!, c[1]! - a[1]!, c[2]! - a[2]!] as const;
    const x = u[1] * v[2] - u[2] * v[1];
    const y = u[2] * v[0] - u[0] * v[2];
    const z = u[0] * v[1] - u[1] * v[0];
    const size = Math.hypot(x, y, z);
    return size > 1e-9 && z / size < EDGEWISE;
  });
}

export interface PlacedMesh {
  readonly points: readonly Point[];
  readonly facing: readonly boolean[];
  /** Whether it was laid over the box rather than measured. */
  readonly approximate: boolean;
}

const placed = new WeakMap<Face, PlacedMesh>();

/** The mesh of a face in pixels of its picture. */
export function placeMesh(face: Face): PlacedMesh {
  let found = placed.get(face);
  if (!found) {
    const points = face.mesh ?? onBox(face.box);
    found = { points, facing: facing(points), approximate: !face.mesh };
    placed.set(face, found);
  }
  return found;
}

function onBox(face: readonly number[]): Point[] {
  const [left, top, right, bottom] = BOX as [number, number, number, number];
  const x = (face[2]! - face[0]!) / (right - left);
  const y = (face[3]! - face[1]!) / (bottom - top);
  return MEAN.map((p) => [face[0]! + (p[0]! - left) * x, face[1]! + (p[1]! - top) * y, (p[2]! * (x + y)) / 2]);
}
