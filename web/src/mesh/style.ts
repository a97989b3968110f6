// How faces are drawn: the same numbers as the overlay's, from the package's own file (render/style.py says what they mean).
import data from "../../../src/fakeweb/render/style.json";

export type Rgb = readonly [number, number, number];
type Pair = readonly [number, number];

export interface Pen {
  readonly width: Pair;
  readonly least_px: number;
  readonly opacity: Pair;
  readonly rim: number;
  readonly rim_opacity: Pair;
}

interface Style {
  readonly reach: number;
  readonly widest_px: number;
  readonly colours: Readonly<Record<"dark" | "paper" | "neutral" | "plain", Rgb>>;
  readonly ramp: readonly (readonly [number, Rgb])[];
  readonly contours: Pen;
  readonly net: Pen;
  readonly inner_px: Pair;
  readonly inner_least: number;
  readonly net_from_px: number;
  readonly net_full_length: number;
  readonly outline: Pen;
  readonly outline_radius: number;
  readonly dash: { readonly period: number; readonly least_px: number; readonly drawn: number };
}

export const STYLE = data as unknown as Style;

/** The value at a strength in [0, 1] on the way from the first of a pair to the second. */
export function between([low, high]: Pair, strength: number): number {
  return low + (high - low) * strength;
}

/** The width of a line on a face of this size, in pixels of the screen. */
export function widthPx(pen: Pen, sizePx: number, strength: number): number {
  return Math.max(pen.least_px, between(pen.width, strength) * Math.min(sizePx, STYLE.widest_px));
}

/** How strong the contours inside the oval are: less on a small face, which they would cover. */
export function innerShare(sizePx: number): number {
  const [low, high] = STYLE.inner_px;
  return Math.min(1, Math.max(STYLE.inner_least, (sizePx - low) / (high - low)));
}

/** How strong a side of the net is: short sides lie close together and would cover the face. */
export function netShare(lengthPx: number, sizePx: number, strength: number): number {
  return Math.min(1, lengthPx / (STYLE.net_full_length * widthPx(STYLE.net, sizePx, strength)));
}
