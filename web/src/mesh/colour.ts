// Amber at the threshold, red near certainty; lightness falls all the way.
import type { Face, Report } from "../api/client";
import { STYLE, between, type Rgb } from "./style";

/** The colour of a strength in [0, 1]. */
export function ramp(strength: number): Rgb {
  const s = Math.min(1, Math.max(0, strength));
  const above = Math.max(1, STYLE.ramp.findIndex(([at]) => s <= at));
  const [low, high] = [STYLE.ramp[above - 1]!, STYLE.ramp[above]!];
  const t = (s - low[0]) / (high[0] - low[0]);
  return low[1].map((v, i) => Math.round(between([v, high[1][i]!], t))) as unknown as Rgb;
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

/** The ramp as colour stops of a CSS gradient. */
export const STOPS = STYLE.ramp.map(([at, colour]) => `${css(colour)} ${100 * at}%`).join(", ");
