/** Pictures cut out of what a tab shows. The browser allows it while the reader has called FakeWeb on this very page. */

import { dataUrl } from "./pictures.js";

const BETWEEN_MS = 550; // browsers allow two a second

/** The screen was not read: `off` by the reader's wish, `closed` by the browser or since the tab is not in sight. */
export class ScreenError extends Error {
  /** @param {"off" | "closed"} code */
  constructor(code) {
    super(code);
    this.code = code;
  }
}

/** @type {Promise<unknown>} */
let last = Promise.resolve();

/**
 * Return PNGs as data addresses, one for each box.
 *
 * @param {number} tabId
 * @param {{left: number, top: number, width: number, height: number}[]} boxes In CSS pixels of the tab.
 * @param {number} width Of the tab, in CSS pixels.
 * @returns {Promise<string[]>}
 * @throws {ScreenError}
 */
export async function cutFromScreen(tabId, boxes, width) {
  const shot = last.then(() => shoot(tabId));
  last = shot.catch(() => {}).then(() => new Promise((next) => setTimeout(next, BETWEEN_MS)));
  const screen = await createImageBitmap(await (await fetch(await shot)).blob());
  const scale = screen.width / width;
  const cut = [];
  for (const box of boxes) {
    const [x, y] = [Math.round(box.left * scale), Math.round(box.top * scale)];
    const canvas = new OffscreenCanvas(Math.max(1, Math.round(box.width * scale)), Math.max(1, Math.round(box.height * scale)));
    canvas.getContext("2d")?.drawImage(screen, -x, -y);
    cut.push(await dataUrl(await canvas.convertToBlob({ type: "image/png" })));
  }
  screen.close();
  return cut;
}

/** @param {number} tabId */
async function shoot(tabId) {
  const before = await chrome.tabs.get(tabId).catch(() => null);
  if (!before?.active) throw new ScreenError("closed");
  let shot;
  try {
    shot = await chrome.tabs.captureVisibleTab(before.windowId, { format: "png" });
  } catch {
    throw new ScreenError("closed");
  }
  const after = await chrome.tabs.get(tabId).catch(() => null);
  if (!after?.active || after.url !== before.url) throw new ScreenError("closed"); // it may be another page's
  return shot;
}
