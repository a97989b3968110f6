// Pictures as bytes, and what OpenCV does to them in the Python package: resize, warpAffine, borders, grey. The same
// fixed-point steps, so that a crop here is the crop there; pinned by tests/golden/pixels.json.

/** A decoded picture, upright: bytes red, green, blue of each pixel, row by row. */
export interface Picture {
  width: number;
  height: number;
  pixels: Uint8Array;
}

/** Maps columns, rows of one picture to those of another: [a, b, c, d, e, f] for x' = a x + b y + c, y' = d x + e y + f. */
export type Affine = readonly [number, number, number, number, number, number];

/** Round halves to even, as Python and OpenCV do. */
export function rint(value: number): number {
  const low = Math.floor(value), rest = value - low;
  if (rest !== 0.5) return Math.round(value);
  return low % 2 === 0 ? low : low + 1;
}

export const blank = (width: number, height: number): Picture => ({ width, height, pixels: new Uint8Array(width * height * 3) });

const clampByte = (value: number) => (value < 0 ? 0 : value > 255 ? 255 : value);
const clip = (value: number, least: number, most: number) => (value < least ? least : value > most ? most : value);

/** A copy of a part: rows top to bottom, columns left to right, cut at the border. */
export function part(from: Picture, top: number, bottom: number, left: number, right: number): Picture {
  const y0 = Math.max(top, 0), x0 = Math.max(left, 0);
  const out = blank(Math.max(0, Math.min(right, from.width) - x0), Math.max(0, Math.min(bottom, from.height) - y0));
  for (let y = 0; y < out.height; y++) {
    const at = ((y + y0) * from.width + x0) * 3;
    out.pixels.set(from.pixels.subarray(at, at + out.width * 3), y * out.width * 3);
  }
  return out;
}

/** Add black columns to the right and rows below, up to a size. */
export function padded(from: Picture, width: number, height: number): Picture {
  if (width === from.width && height === from.height) return from;
  const out = blank(width, height);
  for (let y = 0; y < from.height; y++) out.pixels.set(from.pixels.subarray(y * from.width * 3, (y + 1) * from.width * 3), y * width * 3);
  return out;
}

export function mirrored(from: Picture): Picture {
  const { width, height } = from, out = blank(width, height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const a = (y * width + x) * 3, b = (y * width + width - 1 - x) * 3;
      for (let c = 0; c < 3; c++) out.pixels[a + c] = from.pixels[b + c]!;
    }
  }
  return out;
}

/** Turn by a quarter: to the left, or to the right. */
export function turned(from: Picture, way: "left" | "right"): Picture {
  const { width: w, height: h } = from, out = blank(h, w);
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      const to = way === "left" ? (w - 1 - x) * h + y : x * h + (h - 1 - y), at = y * w + x;
      for (let c = 0; c < 3; c++) out.pixels[to * 3 + c] = from.pixels[at * 3 + c]!;
    }
  }
  return out;
}

/** cv2.resize: averages over areas where it shrinks (INTER_AREA), else bilinear (INTER_LINEAR). */
export function resized(from: Picture, width: number, height: number): Picture {
  if (width === from.width && height === from.height) return from;
  const across = 1 / (width / from.width), down = 1 / (height / from.height);
  if (across < 1 || down < 1) return enlarged(from, width, height, across, down);
  const whole = (value: number) => Math.abs(value - Math.round(value)) < 2.3e-16;
  if (whole(across) && whole(down)) return averaged(from, width, height, Math.round(across), Math.round(down));
  return shrunk(from, width, height, across, down);
}

function averaged(from: Picture, width: number, height: number, across: number, down: number): Picture {
  const out = blank(width, height), row = from.width * 3, share = Math.fround(1 / (across * down));
  const pairs = across === 2 && down === 2;
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = y * down * row + x * across * 3;
      for (let c = 0; c < 3; c++, to++) {
        let sum = 0;
        for (let j = 0; j < down; j++) for (let i = 0; i < across; i++) sum += from.pixels[at + j * row + i * 3 + c]!;
        out.pixels[to] = pairs ? (sum + 2) >> 2 : rint(Math.fround(sum * share));
      }
    }
  }
  return out;
}

/** Which places of a line, with which weights, make each place of a shorter one. */
function areas(length: number, count: number, scale: number) {
  const to: number[] = [], at: number[] = [], weight: number[] = [];
  const put = (d: number, s: number, w: number) => { to.push(d); at.push(s); weight.push(Math.fround(w)); };
  for (let d = 0; d < count; d++) {
    const low = d * scale, high = low + scale, cell = Math.min(scale, length - low);
    const last = Math.min(Math.floor(high), length - 1), first = Math.min(Math.ceil(low), last);
    if (first - low > 1e-3) put(d, first - 1, (first - low) / cell);
    for (let s = first; s < last; s++) put(d, s, 1 / cell);
    if (high - last > 1e-3) put(d, last, Math.min(high - last, 1, cell) / cell);
  }
  return { to: Int32Array.from(to), at: Int32Array.from(at), weight: Float32Array.from(weight) };
}

function shrunk(from: Picture, width: number, height: number, across: number, down: number): Picture {
  const out = blank(width, height), xs = areas(from.width, width, across), ys = areas(from.height, height, down);
  const line = new Float32Array(width * 3), sum = new Float32Array(width * 3), { pixels } = from;
  let row = 0;
  const write = () => {
    for (let i = 0, to = row * width * 3; i < sum.length; i++) out.pixels[to + i] = clampByte(rint(sum[i]!));
    sum.fill(0);
  };
  for (let j = 0; j < ys.to.length; j++) {
    if (ys.to[j] !== row) { write(); row = ys.to[j]!; }
    line.fill(0);
    const start = ys.at[j]! * from.width * 3, share = ys.weight[j]!;
    for (let i = 0; i < xs.to.length; i++) {
      const d = xs.to[i]! * 3, s = start + xs.at[i]! * 3, w = xs.weight[i]!;
      line[d] = line[d]! + pixels[s]! * w;
      line[d + 1] = line[d + 1]! + pixels[s + 1]! * w;
      line[d + 2] = line[d + 2]! + pixels[s + 2]! * w;
    }
    for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + share * line[i]!;
  }
  write();
  return out;
}

function enlarged(from: Picture, width: number, height: number, across: number, down: number): Picture {
  const out = blank(width, height), { pixels } = from;
  const at = new Int32Array(width), next = new Int32Array(width), a = new Int32Array(width), b = new Int32Array(width);
  for (let x = 0; x < width; x++) {
    let fx = Math.fround((x + 0.5) * across - 0.5), sx = Math.floor(fx);
    fx = Math.fround(fx - sx);
    if (sx < 0) { fx = 0; sx = 0; }
    if (sx >= from.width - 1) { fx = 0; sx = from.width - 1; }
    at[x] = sx * 3;
    next[x] = Math.min(sx + 1, from.width - 1) * 3;
    a[x] = rint(Math.fround(Math.fround(1 - fx) * 2048));
    b[x] = rint(Math.fround(fx * 2048));
  }
  const line = (y: number, into: Int32Array) => {
    const row = clip(y, 0, from.height - 1) * from.width * 3;
    for (let x = 0, i = 0; x < width; x++) {
      for (let c = 0; c < 3; c++, i++) into[i] = pixels[row + at[x]! + c]! * a[x]! + pixels[row + next[x]! + c]! * b[x]!;
    }
  };
  let upper = new Int32Array(width * 3), lower = new Int32Array(width * 3), held = NaN;
  for (let y = 0; y < height; y++) {
    const fy = Math.fround((y + 0.5) * down - 0.5), sy = Math.floor(fy), rest = Math.fround(fy - sy);
    const b0 = rint(Math.fround(Math.fround(1 - rest) * 2048)), b1 = rint(Math.fround(rest * 2048));
    if (sy === held + 1) [upper, lower] = [lower, upper];
    else if (sy !== held) line(sy, upper);
    if (sy !== held) line(sy + 1, lower);
    held = sy;
    for (let i = 0, to = y * width * 3; i < upper.length; i++, to++) {
      out.pixels[to] = clampByte((((b0 * (upper[i]! >> 4)) >> 16) + ((b1 * (lower[i]! >> 4)) >> 16) + 2) >> 2);
    }
  }
  return out;
}

const FINE = 1024; // steps of a coordinate on its way, then
const STEPS = 32; // steps between two pixels

/** cv2.warpAffine, bilinear, by the map from the square to the picture; beyond the border its pixels are repeated, or mirrored. */
export function warped(from: Picture, map: Affine, side: number, border: "repeat" | "mirror"): Picture {
  const out = blank(side, side), { pixels, width, height } = from;
  const column = (x: number) => (border === "repeat" ? clip(x, 0, width - 1) : reflected(x, width)) * 3;
  const row = (y: number) => (border === "repeat" ? clip(y, 0, height - 1) : reflected(y, height)) * width * 3;
  const half = FINE / STEPS / 2;
  for (let y = 0, to = 0; y < side; y++) {
    const x0 = rint((map[1] * y + map[2]) * FINE) + half, y0 = rint((map[4] * y + map[5]) * FINE) + half;
    for (let x = 0; x < side; x++) {
      const u = Math.floor((x0 + rint(map[0] * x * FINE)) / (FINE / STEPS)), v = Math.floor((y0 + rint(map[3] * x * FINE)) / (FINE / STEPS));
      const sx = Math.floor(u / STEPS), sy = Math.floor(v / STEPS), fx = u - sx * STEPS, fy = v - sy * STEPS;
      const left = column(sx), right = column(sx + 1), top = row(sy), below = row(sy + 1);
      const w00 = (STEPS - fx) * (STEPS - fy), w01 = fx * (STEPS - fy), w10 = (STEPS - fx) * fy, w11 = fx * fy;
      for (let c = 0; c < 3; c++, to++) {
        const sum = pixels[top + left + c]! * w00 + pixels[top + right + c]! * w01 + pixels[below + left + c]! * w10 + pixels[below + right + c]! * w11;
        out.pixels[to] = (sum + 512) >> 10;
      }
    }
  }
  return out;
}

/** cv2.BORDER_REFLECT: fedcba|abcdefgh|hgfedcb. */
export function reflected(at: number, length: number): number {
  if (length === 1) return 0;
  let i = at;
  while (i < 0 || i >= length) i = i < 0 ? -i - 1 : 2 * length - 1 - i;
  return i;
}

/** A square of the picture; what lies outside is mirrored in from the part inside (cv2.copyMakeBorder). */
export function square(from: Picture, left: number, top: number, side: number): Picture | null {
  const inside = part(from, top, top + side, left, left + side);
  if (!inside.width || !inside.height) return null;
  if (inside.width === side && inside.height === side) return inside;
  const above = Math.max(-top, 0), before = Math.max(-left, 0), out = blank(side, side);
  for (let y = 0; y < side; y++) {
    const row = reflected(y - above, inside.height) * inside.width;
    for (let x = 0; x < side; x++) {
      const at = (row + reflected(x - before, inside.width)) * 3, to = (y * side + x) * 3;
      for (let c = 0; c < 3; c++) out.pixels[to + c] = inside.pixels[at + c]!;
    }
  }
  return out;
}

/** cv2.cvtColor to grey. */
export function grey({ pixels, width, height }: Picture): Uint8Array {
  const out = new Uint8Array(width * height);
  for (let i = 0, at = 0; i < out.length; i++, at += 3) {
    out[i] = (pixels[at]! * 9798 + pixels[at + 1]! * 19235 + pixels[at + 2]! * 3735 + 16384) >> 15;
  }
  return out;
}
