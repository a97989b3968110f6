// Numbers as people read them, in the language of the page.
import { numeral } from "./lang";

/** P(fake) in whole per cent, never 0 or 100: a probability is no certainty. */
export function percent(p: number): string {
  return `${Math.min(99, Math.max(1, Math.round(100 * p)))} %`;
}

/** A part of a whole; small ones stay small, so that the parts do not add up to more than it. */
export function part(p: number): string {
  return p < 0.005 ? "< 1 %" : percent(p);
}

/** A measured share, with a decimal where it is small. */
export function share(p: number): string {
  return `${numeral(100 * p, undefined, { maximumFractionDigits: 100 * p < 10 ? 1 : 0 })} %`;
}

export function bytes(count: number): string {
  const units = ["bytes", "kB", "MB", "GB"];
  const power = count < 1 ? 0 : Math.min(3, Math.floor(Math.log(count) / Math.log(1000)));
  return `${numeral(count / 1000 ** power, undefined, { maximumSignificantDigits: power ? 2 : 3 })} ${units[power]}`;
}

/** Seconds as 1:02, or 1:02.3 where tenths matter. */
export function clock(seconds: number, tenths = false): string {
  const whole = tenths ? Math.round(seconds * 10) / 10 : Math.floor(seconds);
  const rest = whole % 60;
  const digits = { minimumIntegerDigits: 2, minimumFractionDigits: tenths ? 1 : 0, maximumFractionDigits: 1 };
  return `${Math.floor(whole / 60)}:${numeral(rest, undefined, digits)}`;
}
