/** The bytes of a picture: fetched without cookies, within limits, and named by their hash. */

export const MOST_BYTES = 20 * 1024 * 1024;

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
  if (!/^(https?:|data:image\/)/i.test(url)) throw new PictureError("unreachable", "Not the address of a picture.");
  /** @type {Response} */
  let answer;
  try {
    answer = await get(url, { credentials: "omit", cache: "force-cache", redirect: "follow" });
  } catch {
    throw new PictureError("unreachable", "The picture could not be fetched again.");
  }
  if (!answer.ok) throw new PictureError("unreachable", `The picture could not be fetched again (${answer.status}).`);
  const type = (answer.headers.get("Content-Type") ?? "").toLowerCase();
  if (type.startsWith("image/svg")) throw new PictureError("drawing", "A drawing (SVG), not a photograph.");
  if (type !== "" && !type.startsWith("image/") && !type.startsWith("application/octet-stream")) {
    throw new PictureError("unreachable", "What came was not a picture.");
  }
  return await readAtMost(answer, MOST_BYTES);
}

/**
 * @param {Response} answer
 * @param {number} most
 * @returns {Promise<ArrayBuffer>}
 */
async function readAtMost(answer, most) {
  const tooLarge = new PictureError("too-large", "Larger than 20 MB.");
  if (Number(answer.headers.get("Content-Length")) > most) throw tooLarge;
  if (answer.body === null) throw new PictureError("unreachable", "The picture is empty.");
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
