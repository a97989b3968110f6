/** The use case: the address of a picture in, a finding out. Each picture is sent once, a few at a time. */

import { predict, ServerError } from "./api.js";
import { Recent } from "./cache.js";
import { judge } from "./here.js";
import { dataUrl, fetchPicture, PictureError, sha256 } from "./pictures.js";
import { Dropped, Queue } from "./queue.js";
import { judgeOf, load } from "./settings.js";
import { findingOf } from "./words.js";

/** @typedef {import("./words.js").Finding} Finding */

const MOST_FINDINGS = 500;
const MOST_DRAWINGS = 24;
const DRAWING_PX = 1280;
const MOST_TRIES = 8;
const LEAST_PAUSE_MS = 500;
const MOST_PAUSE_MS = 25_000; // a worker that only sleeps for longer is put down by the browser

export class Checker {
  constructor() {
    this.queue = new Queue(4);
    /** @type {Recent<Finding>} Findings under "judge hash". */
    this._findings = new Recent(MOST_FINDINGS);
    /** @type {Recent<string>} Overlays as data addresses. */
    this._drawings = new Recent(MOST_DRAWINGS);
    /** @type {Map<string, Promise<Finding>>} What is being asked at this moment. */
    this._asking = new Map();
    /** @type {Map<string, Promise<string>>} What is being drawn at this moment. */
    this._drawingNow = new Map();
    /** @type {ReturnType<typeof setTimeout> | null} */
    this._saving = null;
  }

  /** Take over the findings from before the browser put this worker to sleep. */
  async restore() {
    const { findings } = /** @type {{findings?: [string, Finding][]}} */ (
      await chrome.storage.session.get("findings")
    );
    this._findings = new Recent(MOST_FINDINGS, findings ?? []);
    this.queue.parallel = (await load()).parallel;
  }

  /**
   * Say what this browser or the user's own server thinks of a picture.
   *
   * @param {string} url
   * @param {unknown} group For {@link Queue.drop}.
   * @returns {Promise<Finding>}
   * @throws {PictureError | ServerError | import("./queue.js").Dropped}
   */
  async check(url, group) {
    return await this.queue.add(async () => {
      const bytes = await fetchPicture(url);
      const hash = await sha256(bytes);
      const finding = await this._find(bytes, hash);
      if (finding.label === "fake") void this.drawing(url, hash, group, bytes).catch(() => {});
      return finding;
    }, group);
  }

  /**
   * Return the overlay of a picture as a data address, made smaller where it is large.
   *
   * @param {string} url
   * @param {string} hash
   * @param {unknown} group
   * @param {ArrayBuffer | null} bytes Where they are at hand.
   * @returns {Promise<string>}
   */
  async drawing(url, hash, group, bytes = null) {
    const key = `${judgeOf(await load())} ${hash}`;
    const known = this._drawings.get(key);
    if (known !== undefined) return known;
    return await once(this._drawingNow, key, () =>
      this.queue.add(async () => {
        const judgement = await this._ask(bytes ?? (await fetchPicture(url)), true);
        const drawn = judgement.drawing ? await dataUrl(judgement.drawing) : await shrink(String(judgement.overlay));
        this._drawings.set(key, drawn);
        return drawn;
      }, group),
    );
  }

  /** Return what was found about a picture in this session. @param {string} judge @param {string} hash */
  findingOf(judge, hash) {
    return this._findings.get(`${judge} ${hash}`);
  }

  /** Tell whether a picture was judged in this session. @param {string} hash */
  async knows(hash) {
    return this.findingOf(judgeOf(await load()), hash) !== undefined;
  }

  /** Forget everything that was found. */
  async forget() {
    this._findings.clear();
    this._drawings.clear();
    await chrome.storage.session.remove("findings");
  }

  /**
   * @param {ArrayBuffer} bytes
   * @param {string} hash
   * @returns {Promise<Finding>}
   */
  async _find(bytes, hash) {
    const key = `${judgeOf(await load())} ${hash}`;
    const known = this._findings.get(key);
    if (known !== undefined) return known;
    return await once(this._asking, key, async () => {
      const judgement = await this._ask(bytes, false);
      const finding = findingOf(judgement, hash);
      if (judgement.drawing) this._drawings.set(key, await dataUrl(judgement.drawing));
      this._findings.set(key, finding);
      this._save();
      return finding;
    });
  }

  /**
   * Judge here, or ask the server, and again as long as it is only busy.
   *
   * @param {ArrayBuffer} bytes
   * @param {boolean} overlay
   * @returns {Promise<any>}
   */
  async _ask(bytes, overlay) {
    for (let tries = 1; ; tries += 1) {
      const settings = await load();
      try {
        return await (settings.where === "here" ? judge(bytes) : predict(settings, bytes, overlay));
      } catch (error) {
        const now = await load();
        if (judgeOf(now) !== judgeOf(settings) || now.key !== settings.key) throw new Dropped("another server or key by now");
        if (!(error instanceof ServerError) || error.code !== "busy" || tries >= MOST_TRIES) throw error;
        const pause = Math.min(MOST_PAUSE_MS, Math.max(LEAST_PAUSE_MS, error.retryAfterMs));
        this.queue.pause(pause);
        await new Promise((wake) => setTimeout(wake, pause));
      }
    }
  }

  _save() {
    if (this._saving !== null) return;
    this._saving = setTimeout(() => {
      this._saving = null;
      void chrome.storage.session.set({ findings: this._findings.entries() });
    }, 300);
  }
}

/**
 * Do something once for all who ask while it is being done.
 *
 * @template T
 * @param {Map<string, Promise<T>>} pending What is being done at this moment.
 * @param {string} key
 * @param {() => Promise<T>} begin
 * @returns {Promise<T>}
 */
function once(pending, key, begin) {
  let doing = pending.get(key);
  if (doing === undefined) {
    doing = begin();
    pending.set(key, doing);
    doing.finally(() => pending.delete(key)).catch(() => {});
  }
  return doing;
}

/**
 * Return a PNG in base64 as a data address, at most {@link DRAWING_PX} on its longer side.
 *
 * @param {string} base64
 */
async function shrink(base64) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
  const scale = Math.min(1, DRAWING_PX / Math.max(bitmap.width, bitmap.height));
  const canvas = new OffscreenCanvas(Math.round(bitmap.width * scale), Math.round(bitmap.height * scale));
  canvas.getContext("2d")?.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  const blob = await canvas.convertToBlob({ type: "image/webp", quality: 0.92 });
  return await dataUrl(blob);
}

export { PictureError, ServerError };
