/** The popup: the switch of this tab, what was found, and what stands in the way. */

import { isLocal, load } from "../background/settings.js";
import { isAllowed, patternOf, siteOf } from "../background/sites.js";
import { countsOf } from "../background/tabs.js";

/** @param {string} id */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const toggle = /** @type {HTMLInputElement} */ (byId("on"));

/** @type {[keyof import("../background/tabs.js").Counts, string][]} */
const ROWS = [
  ["fake", "look manipulated"],
  ["uncertain", "uncertain: cannot tell"],
  ["real", "no sign of manipulation found"],
  ["no_face", "without a face, not judged"],
  ["failed", "could not be checked"],
];
const MOST_NAMES = 3;
/** What becomes of files that could not be read. */
const SCREEN = {
  "": "They are read from the screen as soon as they are in sight.",
  closed: "They are read from the screen while this tab is in front; on a new site, once you have opened this window there.",
  off: "They could be read from the screen, which is switched off in the options.",
};
/** @type {Record<string, string>} */
const HINTS = {
  offline: "Start it on this computer with: fakeweb serve. Or set another address in the options.",
  key: "Set the key in the options; `fakeweb keys create` makes one.",
  strange: "Look at the address in the options.",
  here: "Ask a server instead: its address stands in the options.",
  busy: "It was asked several times. Try again in a while.",
};

const [tab] = await chrome.tabs.query({ active: true, currentWindow: true });
const tabId = tab?.id ?? -1;
const settings = await load();
const site = siteOf(tab?.url);
const server = new URL(settings.server);
let told = 0;
/** @type {import("../background/tabs.js").Tab} */
let state = await chrome.runtime.sendMessage({ type: "tab?", tabId });

byId("site").textContent = site ?? "This page cannot be checked";
byId("first-site").textContent = site ?? "";
const here = settings.where === "here";
byId("first-where").textContent = here
  ? "checks the pictures of this tab in this browser: they are sent nowhere."
  : `sends the pictures of this tab to your server at ${settings.server}. Nothing is sent before.`;
byId("where").textContent = here
  ? "Pictures are checked in this browser."
  : `Your server: ${server.host}${isLocal(settings.server) ? " (this computer)" : ""}`;
toggle.disabled = site === null;
show();
// with its icon clicked the page may be read from the screen
if (state.screen === "closed") void chrome.runtime.sendMessage({ type: "retry", tabId });

chrome.runtime.onMessage.addListener((message) => {
  if (message?.type === "tab" && message.id === tabId) {
    state = message.tab;
    show();
  }
  return false;
});

toggle.addEventListener("change", async () => {
  if (!toggle.checked) {
    await chrome.runtime.sendMessage({ type: "switch", tabId, on: false });
    return;
  }
  const origins = [patternOf(tab?.url ?? ""), here ? null : patternOf(settings.server)].filter((p) => p !== null);
  const granted = await chrome.permissions.request({ origins });
  toggle.checked = granted;
  if (granted) await chrome.runtime.sendMessage({ type: "switch", tabId, on: true });
});
byId("again").addEventListener("click", () => void chrome.runtime.sendMessage({ type: "retry", tabId }));
byId("next").addEventListener("click", () => void chrome.runtime.sendMessage({ type: "next", tabId }));
byId("allow").addEventListener("click", () => void chrome.permissions.request({ origins: blocked() }));
byId("options").addEventListener("click", () => void chrome.runtime.openOptionsPage());

function show() {
  toggle.checked = state.on && !state.paused;
  byId("first").hidden = toggle.checked || site === null || isAllowed(tab?.url, settings.sites);
  showProblem();
  showBlocked();
  showUnread();
  const counts = countsOf(state);
  const looked = counts.fake + counts.uncertain + counts.real + counts.no_face;
  byId("findings").hidden = !toggle.checked || (state.problem !== null && looked === 0);
  byId("headline").textContent = headline(counts, looked);
  byId("counts").replaceChildren(...ROWS.filter(([label]) => counts[label] > 0).map(([label, words]) => row(label, counts[label], words)));
  byId("next").hidden = counts.fake === 0;
  void tell();
  byId("next").textContent = counts.fake === 1 ? "Show it" : "Show the next one";
}

/** Tell of single pictures: verdict, rarity, what the file says; every text as text, since strangers wrote some. */
async function tell() {
  const asked = (told = told + 1);
  const answer = toggle.checked ? await chrome.runtime.sendMessage({ type: "told?", tabId }) : null;
  if (asked !== told) return; // a later question is under way
  /** @type {{name: string, finding: import("../background/words.js").Finding}[]} */
  const pictures = answer?.pictures ?? [];
  byId("told").hidden = pictures.length === 0;
  byId("told").replaceChildren(...pictures.map(article), ...(answer?.more ? [line("faint", `and ${answer.more} more on this page`)] : []));
}

/** @param {{name: string, finding: import("../background/words.js").Finding}} picture */
function article({ name, finding }) {
  const element = document.createElement("article");
  element.className = finding.label === "fake" ? "fake" : "";
  const heading = document.createElement("h2");
  heading.textContent = name;
  heading.title = name;
  const scored = finding.label === "fake" || finding.label === "uncertain";
  const percent = scored && finding.percent !== null ? ` · ${finding.percent} %` : "";
  element.append(heading, line("verdict", finding.title + percent));
  if (finding.rarity) element.append(line("", finding.rarity));
  element.append(...finding.origin.map((text) => line("faint", text)));
  return element;
}

/** @param {string} name @param {string} text */
function line(name, text, tag = "p") {
  const element = document.createElement(tag);
  element.className = name;
  element.textContent = text;
  return element;
}

function showProblem() {
  byId("problem").hidden = !toggle.checked || state.problem === null;
  byId("problem-title").textContent = state.problem?.message ?? "";
  byId("problem-hint").textContent = HINTS[state.problem?.code ?? ""] ?? "";
}

/** The hosts that FakeWeb may not read: of pictures, and of frames. */
function blocked() {
  return [...new Set([...state.blocked, ...Object.values(state.skipped).flatMap(({ frames }) => frames)])];
}

/** Say what was not checked, and why; names come from strangers, and are shown as text. */
function showUnread() {
  /** @type {Map<string, string[]>} */
  const names = new Map();
  for (const { name, why } of Object.values(state.unread)) names.set(why, [...(names.get(why) ?? []), name]);
  const reasons = [...names].map(([why, all]) => {
    const more = all.length > MOST_NAMES ? `, and ${all.length - MOST_NAMES} more` : "";
    return `${why[0].toUpperCase()}${why.slice(1)}: ${all.slice(0, MOST_NAMES).join(", ")}${more}`;
  });
  const skipped = Object.values(state.skipped);
  const small = skipped.reduce((sum, { small }) => sum + small, 0);
  const videos = skipped.reduce((sum, { videos }) => sum + videos, 0);
  if (small) reasons.push(`${small} smaller than ${settings.minSide} pixels, as set in the options`);
  if (videos) reasons.push(`${videos} video${videos === 1 ? "" : "s"}: only the still before the start is looked at`);
  byId("unread").hidden = !toggle.checked || reasons.length === 0;
  byId("reasons").replaceChildren(...reasons.map((text) => line("", text, "li")));
  byId("unread-hint").hidden = names.size === 0;
  byId("unread-hint").textContent = SCREEN[state.screen];
}

function showBlocked() {
  byId("blocked").hidden = !toggle.checked || blocked().length === 0;
  const hosts = blocked().map((pattern) => pattern.replace(/^\w+:\/\/|\/\*$/g, ""));
  const more = hosts.length > 3 ? ` and ${hosts.length - 3} more` : "";
  byId("blocked-text").textContent = `Some pictures or frames come from ${hosts.slice(0, 3).join(", ")}${more}, which your browser
    does not let FakeWeb read yet.`;
}

/** @param {import("../background/tabs.js").Counts} counts @param {number} looked */
function headline(counts, looked) {
  if (state.waiting) return `Looking at ${state.waiting} picture${state.waiting === 1 ? "" : "s"} …`;
  if (looked === 0) return "No picture of useful size yet";
  if (counts.fake === 0) return `None of ${looked} looks manipulated`;
  return `${counts.fake} of ${looked} picture${looked === 1 ? "" : "s"} look${counts.fake === 1 ? "s" : ""} manipulated`;
}

/** @param {string} label @param {number} count @param {string} words */
function row(label, count, words) {
  const item = document.createElement("li");
  item.className = label;
  const number = document.createElement("b");
  number.textContent = String(count);
  item.append(number, label === "fake" && count === 1 ? "looks manipulated" : words);
  return item;
}
