/** Colours of the drawing, as in the package's render/style.json; a test keeps both the same. */

/** @typedef {[number, number, number]} Rgb */

/** Amber at the line to red near certainty. @type {[number, Rgb][]} */
const RAMP = [
  [0, [255, 196, 46]],
  [0.5, [255, 122, 30]],
  [1, [240, 26, 46]],
];

/**
 * Return the colour of a strength in [0, 1] for CSS.
 *
 * @param {number} strength
 */
export function tone(strength) {
  const at = Math.min(1, Math.max(0, strength));
  const above = Math.max(1, RAMP.findIndex(([end]) => at <= end));
  const [[low, from], [high, to]] = [RAMP[above - 1], RAMP[above]];
  const share = (at - low) / (high - low);
  return `rgb(${from.map((c, i) => Math.round(c + (to[i] - c) * share)).join(" ")})`;
}
