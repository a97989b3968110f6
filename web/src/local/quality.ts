// How well a face can be seen, as src/fakeweb/faces/quality.py measures it.
import { align, shareInside, standOf, yawDeg, type Face } from "./faces";
import { grey, part, type Picture } from "./pixels";

const SIDE_PX = 128;
const BLOCK_PX = 8;
const ENOUGH_PX = 384;
const BLACK = 16, WHITE = 239;
const SMOOTH = 0.5;

export interface Quality {
  lengthPx: number;
  sharpness: number;
  brightness: number;
  lit: number;
  yawDeg: number;
  inside: number;
  blocks: number;
}

export function qualityOf(picture: Picture, face: Face): Quality {
  const stand = standOf(face), half = stand.lengthPx / 2;
  const hold = (v: number, most: number) => Math.min(most, Math.max(0, v));
  const crop = align(picture, face, SIDE_PX, 1);
  if (!crop) return { lengthPx: stand.lengthPx, sharpness: NaN, brightness: NaN, lit: NaN, yawDeg: yawDeg(face), inside: 0, blocks: 1 };
  const luma = grey(crop.picture);
  let sum = 0, lit = 0;
  for (const value of luma) {
    sum += value;
    lit += Number(value >= BLACK && value <= WHITE);
  }
  const [x0, x1] = [hold(stand.x - half, picture.width), hold(stand.x + half, picture.width)];
  const [y0, y1] = [hold(stand.y - half, picture.height), hold(stand.y + half, picture.height)];
  return {
    lengthPx: stand.lengthPx, sharpness: sharpness(luma, SIDE_PX), brightness: sum / luma.length, lit: lit / luma.length,
    yawDeg: yawDeg(face), inside: shareInside(picture, face),
    blocks: blocks(picture, Math.trunc(x0), Math.trunc(y0), Math.ceil(x1), Math.ceil(y1)),
  };
}

/** Natural logarithm of the Laplacian's variance of a square grey picture. */
function sharpness(luma: Uint8Array, side: number): number {
  const inner = (i: number) => (i < 0 ? 1 : i >= side ? side - 2 : i); // cv2.BORDER_REFLECT_101
  let sum = 0, squares = 0;
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const value = luma[inner(y - 1) * side + x]! + luma[inner(y + 1) * side + x]! + luma[y * side + inner(x - 1)]! + luma[y * side + inner(x + 1)]! - 4 * luma[y * side + x]!;
      sum += value;
      squares += value * value;
    }
  }
  const n = side * side;
  return Math.log(squares / n - (sum / n) ** 2 + 1e-3);
}

/** Compare the steps across the picture's own 8 px grid with those beside it. */
function blocks(picture: Picture, left: number, top: number, right: number, bottom: number): number {
  const [x0, x1] = middlePart(left, right), [y0, y1] = middlePart(top, bottom);
  const cut = part(picture, y0, y1, x0, x1);
  if (Math.min(cut.width, cut.height) < 3 * BLOCK_PX) return 1;
  const luma = grey(cut);
  return (ratio(luma, cut.width, cut.height, 1, cut.width, x0) + ratio(luma, cut.height, cut.width, cut.width, 1, y0)) / 2;
}

function ratio(luma: Uint8Array, length: number, lines: number, step: number, pitch: number, start: number): number {
  let on = 0, ons = 0, off = 0, offs = 0;
  for (let i = 0; i + 1 < length; i++) {
    let sum = 0;
    for (let j = 0; j < lines; j++) sum += Math.abs(luma[j * pitch + (i + 1) * step]! - luma[j * pitch + i * step]!);
    if ((i + start + 1) % BLOCK_PX === 0) [on, ons] = [on + sum / lines, ons + 1];
    else [off, offs] = [off + sum / lines, offs + 1];
  }
  return (on / ons + SMOOTH) / (off / offs + SMOOTH);
}

function middlePart(begin: number, end: number): [number, number] {
  const spare = Math.max(0, end - begin - ENOUGH_PX), before = Math.floor(spare / 2);
  return [begin + before, end - (spare - before)];
}
