/** What is known about each tab, and what its icon says. Kept in `storage.session`: gone when the browser closes. */

import { nameOf, tooltip } from "./words.js";

/** @typedef {{fake: number, uncertain: number, real: number, no_face: number, failed: number}} Counts */

/** @typedef {{small: number, videos: number, frames: string[]}} Skipped */

/**
 * @typedef {object} Tab
 * @property {boolean} on
 * @property {Record<string, string>} pictures Hash or address of a picture -> its label, or `failed`.
 * @property {Record<string, {name: string, from?: string}>} names Hash of a picture of which there is something to tell -> its file's name, and where its pixels were read instead of the file.
 * @property {number} waiting Pictures whose answer is not there yet.
 * @property {boolean} paused Whether the tab has gone to a site that is not on the allow-list.
 * @property {string[]} blocked Match patterns of hosts whose pictures or frames the browser does not let us read.
 * @property {Record<string, {name: string, why: string}>} unread Address of a picture that could not be checked -> its name, and why.
 * @property {Record<string, Skipped>} skipped Number of a frame -> what is not looked at in it.
 * @property {"" | "off" | "closed"} screen Why pictures are not read from the screen: switched off, or not allowed at this moment.
 * @property {{code: string, message: string} | null} problem Why nothing goes on.
 */

const MOST_PICTURES = 5000;
const MOST_NAMES = 100;
const KEY_CHARS = 300; // some addresses are a picture
const RED = "#c4142e";
const GREY = "#5b6472";
const AMBER = "#b26a00";

/** @returns {Tab} */
function fresh(on = false) {
  return { on, ...empty() };
}

/** What is known about a page that has just been opened. */
export function empty() {
  return /** @type {Omit<Tab, "on">} */ ({
    paused: false,
    pictures: {},
    names: {},
    waiting: 0,
    blocked: [],
    problem: null,
    unread: {},
    skipped: {},
    screen: "",
  });
}

/**
 * @param {Tab} tab
 * @returns {Counts}
 */
export function countsOf(tab) {
  /** @type {Counts} */
  const counts = { fake: 0, uncertain: 0, real: 0, no_face: 0, failed: 0 };
  for (const label of Object.values(tab.pictures)) counts[/** @type {keyof Counts} */ (label)] += 1;
  return counts;
}

/**
 * Say what the icon of a tab shows.
 *
 * The number counts pictures that look manipulated. Where there is none it says `on`, never a tick: nothing found is
 * no proof.
 *
 * @param {Tab} tab
 */
export function iconOf(tab) {
  if (!tab.on) return { text: "", colour: GREY, title: "FakeWeb is off on this tab" };
  if (tab.paused) return { text: "", colour: GREY, title: "FakeWeb pauses: this site is not on your list" };
  if (tab.problem) return { text: "!", colour: AMBER, title: `FakeWeb: ${tab.problem.message}` };
  const counts = countsOf(tab);
  if (counts.fake) return { text: String(counts.fake), colour: RED, title: tooltip(counts) };
  return { text: tab.waiting ? "…" : "on", colour: GREY, title: tooltip(counts) };
}

export class Tabs {
  constructor() {
    /** @type {Map<number, Tab>} */
    this._tabs = new Map();
  }

  /** Take over what was known before the browser put this worker to sleep. */
  async restore() {
    const { tabs } = /** @type {{tabs?: [number, Tab][]}} */ (await chrome.storage.session.get("tabs"));
    for (const [id, tab] of tabs ?? []) this._tabs.set(id, { ...fresh(), ...tab, waiting: 0 });
  }

  /** @param {number} id */
  get(id) {
    return this._tabs.get(id) ?? fresh();
  }

  /** @param {number} id */
  isOn(id) {
    return this._tabs.get(id)?.on ?? false;
  }

  /** @returns {number[]} */
  on() {
    return [...this._tabs].filter(([, tab]) => tab.on).map(([id]) => id);
  }

  /**
   * Switch a tab on or off; either way it starts with empty counts.
   *
   * @param {number} id
   * @param {boolean} on
   */
  switch(id, on) {
    if (on) this._tabs.set(id, fresh(true));
    else this._tabs.delete(id);
    this._changed(id);
  }

  /**
   * Change what is known about a tab that is on.
   *
   * @param {number} id
   * @param {(tab: Tab) => void} change
   */
  update(id, change) {
    const tab = this._tabs.get(id);
    if (!tab) return;
    change(tab);
    this._changed(id);
  }

  /**
   * @param {number} id
   * @param {string} picture
   * @param {string} label
   * @param {string} name Of its file, where there is something to tell of it.
   * @param {string} [from] Where its pixels were read instead of the file.
   */
  note(id, picture, label, name = "", from = undefined) {
    this.update(id, (tab) => {
      if (Object.keys(tab.pictures).length < MOST_PICTURES) tab.pictures[picture.slice(0, KEY_CHARS)] = label;
      if (name && Object.keys(tab.names).length < MOST_NAMES) tab.names[picture] = { name, from };
    });
  }

  /**
   * Note that a picture could not be checked, or with an empty reason that it could after all.
   *
   * @param {number} id
   * @param {string} url
   * @param {string} why
   */
  unread(id, url, why) {
    const key = url.slice(0, KEY_CHARS);
    if (!why && this.get(id).unread[key] === undefined) return;
    this.update(id, (tab) => {
      delete tab.unread[key];
      delete tab.pictures[key];
      if (!why || Object.keys(tab.unread).length >= MOST_NAMES) return;
      tab.unread[key] = { name: nameOf(url), why };
      tab.pictures[key] = "failed";
    });
  }

  /** @param {number} id */
  _changed(id) {
    void chrome.storage.session.set({ tabs: [...this._tabs] });
    void show(id, iconOf(this.get(id)));
    void chrome.runtime.sendMessage({ type: "tab", id, tab: this.get(id) }).catch(() => {}); // no popup is open
  }
}

/**
 * @param {number} tabId
 * @param {{text: string, colour: string, title: string}} icon
 */
async function show(tabId, { text, colour, title }) {
  try {
    await Promise.all([
      chrome.action.setBadgeText({ tabId, text }),
      chrome.action.setBadgeBackgroundColor({ tabId, color: colour }),
      chrome.action.setTitle({ tabId, title }),
    ]);
    await chrome.action.setBadgeTextColor?.({ tabId, color: "#ffffff" });
  } catch {
    // the tab has been closed
  }
}
