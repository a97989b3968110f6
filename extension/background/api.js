/** Speaks to the FakeWeb service. */

/** The service did not give an answer. `code` is for programs, the message for people. */
export class ServerError extends Error {
  /**
   * @param {"offline" | "key" | "busy" | "refused" | "strange" | "here"} code
   * @param {string} message
   * @param {number} retryAfterMs How long the service asks to be left alone, 0 where it did not say.
   */
  constructor(code, message, retryAfterMs = 0) {
    super(message);
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }
}

/** @typedef {import("./settings.js").Settings} Settings */

/**
 * Send a picture and return the judgement, as docs/reference/openapi.json describes it.
 *
 * @param {Settings} settings
 * @param {ArrayBuffer} bytes
 * @param {boolean} overlay Whether to add the overlay, as base64 of a PNG.
 * @param {typeof fetch} send For tests.
 * @returns {Promise<any>}
 * @throws {ServerError}
 */
export async function predict(settings, bytes, overlay, send = fetch) {
  return await ask(settings, `/v1/predict?queue=false${overlay ? "&overlay=true" : ""}`, bytes, send);
}

/**
 * Ask whether the service is there and lets us in.
 *
 * @param {Settings} settings
 * @param {typeof fetch} send
 * @returns {Promise<{version: string, models: string[]}>}
 * @throws {ServerError}
 */
export async function greet(settings, send = fetch) {
  const ready = await ask(settings, "/readyz", null, send);
  const models = await ask(settings, "/v1/models", null, send);
  if (typeof ready?.version !== "string") throw strange(settings);
  const inUse = (models?.models ?? []).filter((/** @type {any} */ m) => m.in_use);
  return { version: ready.version, models: inUse.map((/** @type {any} */ m) => String(m.reference)) };
}

/**
 * @param {Settings} settings
 * @param {string} path
 * @param {ArrayBuffer | null} body
 * @param {typeof fetch} send
 * @returns {Promise<any>}
 */
async function ask(settings, path, body, send) {
  /** @type {Record<string, string>} */
  const headers = { Accept: "application/json" };
  if (body !== null) headers["Content-Type"] = "application/octet-stream";
  if (settings.key) headers.Authorization = `Bearer ${settings.key}`;
  /** @type {Response} */
  let answer;
  try {
    answer = await send(settings.server + path, {
      method: body === null ? "GET" : "POST",
      headers,
      body,
      credentials: "omit",
      cache: "no-store",
      redirect: "error",
    });
  } catch {
    throw new ServerError("offline", `No FakeWeb server answers at ${settings.server}.`);
  }
  if (answer.ok) {
    try {
      return await answer.json();
    } catch {
      throw strange(settings);
    }
  }
  throw await problem(settings, answer);
}

/**
 * @param {Settings} settings
 * @param {Response} answer
 */
async function problem(settings, answer) {
  /** @type {any} */
  let said = null;
  try {
    said = await answer.json();
  } catch {
    // not a FakeWeb service, or something in front of it
  }
  if (answer.status === 401) return new ServerError("key", "The server asks for an API key, or does not know this one.");
  if (answer.status === 403) return new ServerError("key", "The API key may not judge pictures.");
  if (answer.status === 429 || answer.status === 503) {
    const seconds = Number(answer.headers.get("Retry-After"));
    return new ServerError("busy", "The server is busy.", Number.isFinite(seconds) ? seconds * 1000 : 0);
  }
  if (typeof said?.code === "string") return new ServerError("refused", String(said.detail || said.title));
  return strange(settings);
}

/** @param {Settings} settings */
function strange(settings) {
  return new ServerError("strange", `What answers at ${settings.server} is not a FakeWeb server.`);
}
