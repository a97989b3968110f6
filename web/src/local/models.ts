// The networks and what their cards say; whoever runs them gives a function from an input to named outputs.
export interface Tensor { dims: readonly number[]; data: Float32Array }
/** Run a network on one picture: bytes (1, height, width, 3). */
export type Run = (pixels: Uint8Array, height: number, width: number) => Promise<Record<string, Tensor>>;

export interface Calibration { scale: number; bias: number; bends?: readonly (readonly [number, number])[] }

interface Common { name: string; version: string; sha256: string }
export interface FinderCard extends Common { task: "finder"; finder: { min_logit: number; smallest_px: number } }
export interface MeshCard extends Common {
  task: "mesh";
  input: { side_px: number; margin: number };
  presence: Calibration;
  printed: Calibration;
  mesh: { min_presence: number; max_printed: number };
}
export interface RarityNorm { measured_on: number; knots: readonly (readonly [number, number, number, number])[] }
export interface GroupNorm {
  measured_on: number;
  middle: number;
  between: number;
  within: number;
  give: readonly [number, number];
  lines: readonly (readonly [number, number, number])[];
  shares: readonly [number, number];
}
export interface ClassifierCard extends Common {
  task: "classifier";
  title: string;
  licence: string;
  input: { side_px: number; margin: number };
  kinds: readonly string[];
  evidence?: { side: number };
  calibration: Calibration;
  decision: { false_alarms: number; tail_rate: number; tail_logit: number; tail_scale: number; real: number; min_face_px: number };
  second_look?: readonly [number, number];
  norms?: { rarity?: RarityNorm; group?: GroupNorm; small?: { min_face_px: number; offset: number } };
  adapter?: unknown;
  composed?: unknown;
}

export interface Networks {
  finder: { card: FinderCard; run: Run };
  mesh: { card: MeshCard; run: Run };
  classifier: { card: ClassifierCard; run: Run };
}

/** Calibrated probability of a raw logit. */
export function probability({ scale, bias, bends = [] }: Calibration, logit: number): number {
  const z = scale * logit + bias + bends.reduce((sum, [at, by]) => sum + by * Math.max(0, logit - at), 0);
  return z >= 0 ? 1 / (1 + Math.exp(-z)) : Math.exp(z) / (1 + Math.exp(z));
}

export const referenceOf = (card: Common) => `${card.name}@${card.version}`;

/** A logit, finite also at 0 and 1. */
export function logitOf(p: number): number {
  const held = Math.min(Math.max(p, 1e-9), 1 - 1e-9);
  return Math.log(held / (1 - held));
}

export const sigmoid = (z: number) => 1 / (1 + Math.exp(-z));
