// From a file to an upright sRGB picture, by the browser's own decoders.
import { unable, unreadable, unsupported } from "./problem";
import { blank, type Picture } from "./pixels";
import type { Media } from "./scan";
import { checkBytes, checkSize, sniff, suffixWarning } from "./sniff";

const STRIP_PX = 1 << 20;
/** What every browser that runs this decodes; others may fail without the file being at fault. */
const READ_EVERYWHERE = ["JPEG", "PNG", "GIF", "WebP", "BMP"];

/** Read one picture; throws LocalProblem with the service's codes and hints. */
export async function readPicture(file: Blob, name: string): Promise<Media> {
  const started = performance.now();
  checkBytes(file.size, name);
  const bytes = new Uint8Array(await file.arrayBuffer());
  const { format, width, height } = sniff(bytes, name);
  if (width || height) checkSize(width, height, name);
  const bitmap = await createImageBitmap(new Blob([bytes]), { imageOrientation: "from-image" }).catch(() => null);
  if (!bitmap) throw READ_EVERYWHERE.includes(format) ? unreadable(`${name} is damaged: it cannot be decoded`) : unsupported(`${name} is ${format}, which this browser does not read`);
  try {
    checkSize(bitmap.width, bitmap.height, name);
    const { picture, transparent } = pixelsOf(bitmap);
    const warnings = [...suffixWarning(name, format), ...(transparent ? ["its transparent parts were placed on white"] : [])];
    return { picture, name, sha256: await sha256(bytes), warnings, readS: (performance.now() - started) / 1000 };
  } finally {
    bitmap.close();
  }
}

/** The pixels of a picture that a browser shows, placed on white; strip by strip, to spare memory. */
export function pixelsOf(bitmap: ImageBitmap): { picture: Picture; transparent: boolean } {
  const { width, height } = bitmap, picture = blank(width, height), rows = Math.max(1, Math.min(height, Math.floor(STRIP_PX / width)));
  const canvas = new OffscreenCanvas(width, rows), pen = canvas.getContext("2d", { willReadFrequently: true });
  if (!pen) throw unable("this browser gives no canvas to read pixels from");
  checkHonest(pen);
  let transparent = false;
  for (let top = 0, to = 0; top < height; top += rows) {
    const count = Math.min(rows, height - top);
    pen.clearRect(0, 0, width, rows);
    pen.drawImage(bitmap, 0, -top);
    const { data } = pen.getImageData(0, 0, width, count);
    for (let at = 0; at < data.length; at += 4, to += 3) {
      const alpha = data[at + 3]!;
      if (alpha === 255) {
        picture.pixels[to] = data[at]!;
        picture.pixels[to + 1] = data[at + 1]!;
        picture.pixels[to + 2] = data[at + 2]!;
        continue;
      }
      transparent = true;
      for (let c = 0; c < 3; c++) picture.pixels[to + c] = Math.round((data[at + c]! * alpha + 255 * (255 - alpha)) / 255);
    }
  }
  return { picture, transparent };
}

/** Some browsers disturb what is read from a canvas, against tracking; a score of such pixels would be made up. */
function checkHonest(pen: OffscreenCanvasRenderingContext2D): void {
  const side = Math.min(16, pen.canvas.width);
  pen.fillStyle = "rgb(37 119 201)";
  pen.fillRect(0, 0, side, 1);
  const { data } = pen.getImageData(0, 0, side, 1);
  const same = data.every((value, i) => value === [37, 119, 201, 255][i % 4]);
  if (!same) throw unable("this browser changes pixels that are read from it, to hinder tracking, so nothing can be said of them", "allow this page to read canvas data, or use a FakeWeb service");
}

export async function sha256(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", bytes as BufferSource);
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
