/** The bytes of a picture: fetched without cookies, within limits, and named by their hash. */

export const MOST_BYTES = 20 * 1024 * 1024;
const HAS_A_RASTER = /href\s*=\s*["']\s*data:image\/(?!svg)/i;

/** A picture that cannot be looked at. `code` is for programs, the message for people. */
export class PictureError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   */
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/**
 * Fetch a picture.
 *
 * @param {string} url http, https or data.
 * @param {typeof fetch} get For tests.
 * @returns {Promise<ArrayBuffer>}
 * @throws {PictureError}
 */
export async function fetchPicture(url, get = fetch) {
  if (!/^(https?:|data:image\/)/i.test(url)) throw new PictureError("unreachable", "it has no address that can be read");
  /** @type {Response} */
  let answer;
  try {
    answer = await get(url, { credentials: "omit", cache: "force-cache", redirect: "follow" });
  } catch {
    throw new PictureError("unreachable", "its site did not give it a second time");
  }
  if ([401, 403].includes(answer.status)) throw new PictureError("protected", "its site gives it only to you, or only to its own pages");
  if (!answer.ok) throw new PictureError("unreachable", `its site did not give it a second time (${answer.status})`);
  const type = (answer.headers.get("Content-Type") ?? "").toLowerCase();
  const isDrawing = type.startsWith("image/svg");
  if (!isDrawing && type !== "" && !type.startsWith("image/") && !type.startsWith("application/octet-stream")) {
    throw new PictureError("protected", "its site sent something else than a picture");
  }
  const bytes = await readAtMost(answer, MOST_BYTES);
  if (!isDrawing) return bytes;
  // a drawing shown as a picture loads nothing: what photographs it shows, it brings along
  if (HAS_A_RASTER.test(new TextDecoder().decode(bytes))) throw new PictureError("collage", "a drawing (SVG) that shows a photograph");
  throw new PictureError("drawing", "a drawing (SVG), not a photograph");
}

/**
 * @param {Response} answer
 * @param {number} most
 * @returns {Promise<ArrayBuffer>}
 */
async function readAtMost(answer, most) {
  const tooLarge = new PictureError("too-large", "it is larger than 20 MB");
  if (Number(answer.headers.get("Content-Length")) > most) throw tooLarge;
  if (answer.body === null) throw new PictureError("unreachable", "it is empty");
  /** @type {Uint8Array[]} */
  const parts = [];
  let size = 0;
  const reader = answer.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.byteLength;
    if (size > most) {
      await reader.cancel();
      throw tooLarge;
    }
    parts.push(value);
  }
  return await new Blob(/** @type {BlobPart[]} */ (parts)).arrayBuffer();
}

/**
 * Return the SHA-256 of bytes as hexadecimal digits.
 *
 * @param {ArrayBuffer} bytes
 */
export async function sha256(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {Blob} blob */
export async function dataUrl(blob) {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return `data:${blob.type};base64,${btoa(text)}`;
}
