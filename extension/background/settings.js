/**
 * What can be set, where it is kept, and what is refused.
 *
 * Settings lie in `storage.local` on this machine, never in the synchronised store: the API key must not travel.
 */

/**
 * @typedef {object} Settings
 * @property {"here" | "server"} where Whether pictures are checked in this browser, or by a server.
 * @property {string} server Address of the FakeWeb service, without a slash at its end.
 * @property {string} key API key, or empty where the service asks for none.
 * @property {number} minSide Pictures whose shorter side is below this many CSS pixels are left alone.
 * @property {number} parallel How many pictures are being fetched or judged at the same time.
 * @property {boolean} showUncertain Whether uncertain pictures get a quiet question mark.
 * @property {boolean | null} screen Whether pictures that only the reader is given are read from the screen; null: where pictures stay on this computer.
 * @property {string[]} sites The allow-list: hosts on which a tab may be switched on.
 */

/** @type {Readonly<Settings>} */
export const DEFAULTS = Object.freeze({
  where: "here",
  server: "http://127.0.0.1:8000",
  key: "",
  minSide: 80,
  parallel: 4,
  showUncertain: true,
  screen: null,
  sites: [],
});

/**
 * Return the address in the one form that is stored.
 *
 * @param {string} text What somebody typed.
 * @returns {string}
 * @throws {TypeError} It is no http or https address, or carries a name, a password, a query or a fragment.
 */
export function cleanServer(text) {
  const typed = text.trim();
  const address = new URL(/^[a-z]+:\/\//i.test(typed) ? typed : `http://${typed}`);
  if (!["http:", "https:"].includes(address.protocol)) throw new TypeError("only http and https addresses");
  if (address.username || address.password) throw new TypeError("no name or password in the address");
  if (address.search || address.hash) throw new TypeError("no ? or # in the address");
  return (address.origin + address.pathname).replace(/\/+$/, "");
}

/**
 * Tell whether an address is this very computer.
 *
 * @param {string} server
 */
export function isLocal(server) {
  const { hostname } = new URL(server);
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d+){3}$/.test(hostname);
}

/** Tell whether pictures may be read from the screen. @param {Settings} settings */
export function readsScreen({ screen, where, server }) {
  return screen ?? (where === "here" || isLocal(server));
}

/** Name who judges, for what is kept of answers. @param {Settings} settings */
export function judgeOf({ where, server }) {
  return where === "here" ? "here" : server;
}

/**
 * Return settings in which every value makes sense, whatever was stored.
 *
 * @param {Record<string, unknown>} stored
 * @returns {Settings}
 */
export function checked(stored) {
  const out = { ...DEFAULTS, sites: /** @type {string[]} */ ([]) };
  if (typeof stored.server === "string") {
    try {
      out.server = cleanServer(stored.server);
    } catch {
      // the default stays
    }
  }
  // who has set a server once wants it asked
  if (stored.where === "server" || (stored.where === undefined && typeof stored.server === "string")) out.where = "server";
  if (typeof stored.key === "string") out.key = stored.key.trim();
  out.minSide = clamp(stored.minSide, 32, 1000, DEFAULTS.minSide);
  out.parallel = clamp(stored.parallel, 1, 8, DEFAULTS.parallel);
  if (typeof stored.showUncertain === "boolean") out.showUncertain = stored.showUncertain;
  if (typeof stored.screen === "boolean") out.screen = stored.screen;
  if (Array.isArray(stored.sites)) out.sites = stored.sites.filter((s) => typeof s === "string" && s !== "");
  return out;
}

/** @returns {Promise<Settings>} */
export async function load() {
  return checked(await chrome.storage.local.get(Object.keys(DEFAULTS)));
}

/** @param {Partial<Settings>} changes */
export async function save(changes) {
  await chrome.storage.local.set(changes);
}

/**
 * @param {unknown} value
 * @param {number} least
 * @param {number} most
 * @param {number} otherwise
 */
function clamp(value, least, most, otherwise) {
  const number = Math.round(Number(value));
  return value === undefined || !Number.isFinite(number) ? otherwise : Math.min(most, Math.max(least, number));
}
