/** Chrome's service workers may not start workers; this page out of sight may, and joins the two. */

const worker = new Worker("worker.js", { type: "module" });
/** @type {MessagePort | null} The latest service worker's: the browser ends and starts them as it likes. */
let port = null;

worker.onmessage = (/** @type {MessageEvent} */ { data }) => port?.postMessage(data);
worker.onerror = (/** @type {ErrorEvent} */ { message }) => port?.postMessage({ broken: message || "it cannot be started" });
navigator.serviceWorker.addEventListener("message", ({ ports }) => {
  port = ports[0];
  port.onmessage = ({ data }) => worker.postMessage(data, [data.bytes]);
});
navigator.serviceWorker.startMessages();
