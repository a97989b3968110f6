// As render/paint.py: amber at the threshold, red near certainty; lightness falls all the way.
import type { Face, Report } from "../api/client";

type Rgb = readonly [number, number, number];

const RAMP: readonly (readonly [number, Rgb])[] = [
  [0, [255, 196, 46]],
  [0.5, [255, 122, 30]],
  [1, [240, 26, 46]],
];

/** What is drawn where colour shall say nothing. */
export const PLAIN: Rgb = [64, 196, 255];

/** The colour of a strength in [0, 1]. */
export function ramp(strength: number): Rgb {
  const s = Math.min(1, Math.max(0, strength));
  const [low, high] = s <= 0.5 ? [RAMP[0]!, RAMP[1]!] : [RAMP[1]!, RAMP[2]!];
  const t = (s - low[0]) / (high[0] - low[0]);
  return low[1].map((v, i) => Math.round(v + (high[1][i]! - v) * t)) as unknown as Rgb;
}

/** How far P(fake) stands above the threshold, as a share of the way to 1. */
export function strength(face: Face, report: Report): number {
  const start = report.thresholds.fake;
  const p = face.verdict.p_fake ?? start;
  return start < 1 ? Math.min(1, Math.max(0, (p - start) / (1 - start))) : 1;
}

export function css([r, g, b]: Rgb, alpha = 1): string {
  return `rgb(${r} ${g} ${b} / ${alpha})`;
}
