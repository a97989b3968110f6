/** Checks pictures in this browser: nothing leaves it. The networks run in a worker beside this process. */

import { ServerError } from "./api.js";

const PAGE = "local/host.html";

/** @typedef {{report: any, drawing: Blob | null}} Judged */

/** @type {Map<number, {done: (judged: Judged) => void, fail: (error: Error) => void}>} */
const waiting = new Map();
/** @type {Promise<Worker | MessagePort> | null} */
let worker = null;
let last = 0;

/**
 * Judge a picture.
 *
 * @param {ArrayBuffer} bytes
 * @returns {Promise<Judged>} A report as the service gives it, and the mesh over what looks manipulated.
 * @throws {ServerError}
 */
export async function judge(bytes) {
  worker ??= connect();
  let to;
  try {
    to = await worker;
  } catch (error) {
    worker = null;
    throw broken(error instanceof Error ? error.message : "");
  }
  const copy = bytes.slice(0); // the caller goes on with its own
  return await new Promise((done, fail) => {
    const id = (last += 1);
    waiting.set(id, { done, fail });
    to.postMessage({ id, bytes: copy }, [copy]);
  });
}

/** @returns {Promise<Worker | MessagePort>} */
async function connect() {
  /** @type {Worker | MessagePort} */
  let to;
  if (typeof Worker !== "undefined") {
    to = new Worker(chrome.runtime.getURL("local/worker.js"), { type: "module" });
    to.onerror = ({ message }) => stop(message);
  } else {
    await chrome.offscreen
      .createDocument({ url: PAGE, reasons: ["WORKERS"], justification: "Pictures are checked in a worker." })
      .catch((error) => {
        if (!/single offscreen/i.test(String(error))) throw error; // it is there from before this process slept
      });
    const { clients } = /** @type {any} */ (globalThis);
    const pages = await clients.matchAll({ includeUncontrolled: true });
    const page = pages.find((/** @type {{url: string}} */ { url }) => url.endsWith(PAGE));
    const { port1, port2 } = new MessageChannel();
    page.postMessage("here", [port2]);
    to = port1;
  }
  to.onmessage = (/** @type {MessageEvent} */ { data }) => hear(data);
  return to;
}

/** @param {any} answer */
function hear(answer) {
  if (answer.broken) return stop(answer.broken);
  const asked = waiting.get(answer.id);
  waiting.delete(answer.id);
  const { problem } = answer;
  if (!problem) asked?.done(answer);
  else if (problem.code.startsWith("local.")) asked?.fail(broken(problem.detail));
  else asked?.fail(new ServerError("refused", problem.detail));
}

/** @param {string} why */
function stop(why) {
  for (const { fail } of waiting.values()) fail(broken(why));
  waiting.clear();
  worker = null;
}

/** @param {string} why */
function broken(why) {
  return new ServerError("here", `This browser cannot check pictures by itself${why ? `: ${why}` : ""}.`);
}
