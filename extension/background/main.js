/**
 * The extension's own process: what happens when, and who may ask for what.
 *
 * A page never speaks to this file; only our own scripts do. A picture is fetched and sent when, and only when, its tab
 * is on and the tab's site is on the allow-list, or when the user picked this very picture in the context menu.
 */

import { Checker, PictureError, ServerError } from "./checker.js";
import { Dropped } from "./queue.js";
import { load, save } from "./settings.js";
import { isAllowed, patternOf, siteOf } from "./sites.js";
import { Tabs } from "./tabs.js";
import { nameOf } from "./words.js";

const SCRIPTS = ["content/find.js", "content/place.js", "content/marks.js", "content/main.js"];
const MENU = "check";
const MOST_TOLD = 5;
const STOPS = new Set(["offline", "key", "strange", "busy"]);

const tabs = new Tabs();
const checker = new Checker();
const ready = start();

async function start() {
  await chrome.storage.local.setAccessLevel?.({ accessLevel: "TRUSTED_CONTEXTS" }); // the key is not for pages' scripts
  await Promise.all([tabs.restore(), checker.restore()]);
}

/** @param {number} tabId @param {number[] | undefined} frameIds */
async function inject(tabId, frameIds = undefined) {
  const target = frameIds ? { tabId, frameIds } : { tabId, allFrames: true };
  await chrome.scripting.executeScript({ target, files: SCRIPTS });
}

/**
 * Tell a tab's scripts something; tabs without any are left alone.
 *
 * @param {number} tabId
 * @param {object} message
 * @param {chrome.tabs.MessageSendOptions} [options]
 */
async function tell(tabId, message, options = {}) {
  try {
    return await chrome.tabs.sendMessage(tabId, message, options);
  } catch {
    return undefined;
  }
}

/** @param {number} tabId @param {string | undefined} url */
async function mayCheck(tabId, url) {
  return tabs.isOn(tabId) && isAllowed(url, (await load()).sites);
}

/**
 * Switch a tab on or off. Switching on puts its site on the allow-list: that is what the popup says it does.
 *
 * @param {number} tabId
 * @param {boolean} on
 */
async function switchTab(tabId, on) {
  checker.queue.drop(tabId);
  if (!on) {
    tabs.switch(tabId, false);
    await tell(tabId, { type: "stop" });
    return;
  }
  const { url } = await chrome.tabs.get(tabId);
  const site = siteOf(url);
  if (site === null) return;
  const { sites } = await load();
  if (!isAllowed(url, sites)) await save({ sites: [...sites, site].sort() });
  tabs.switch(tabId, true);
  await inject(tabId).catch(() => {}); // the page may be gone
}

/**
 * Return what the popup tells of single pictures: those that look manipulated first, then those whose files say something.
 *
 * @param {number} tabId
 */
async function told(tabId) {
  const { server } = await load();
  const found = Object.entries(tabs.get(tabId).names).flatMap(([sha256, name]) => {
    const finding = checker.findingOf(server, sha256);
    return finding ? [{ name, finding }] : [];
  });
  const rank = (/** @type {{finding: import("./words.js").Finding}} */ { finding }) => (finding.label === "fake" ? 100 + (finding.percent ?? 0) : 0);
  found.sort((a, b) => rank(b) - rank(a));
  return { pictures: found.slice(0, MOST_TOLD), more: Math.max(0, found.length - MOST_TOLD) };
}

/** Let a tab try again what failed, or what the browser did not let us read. @param {number} tabId */
async function retry(tabId) {
  tabs.update(tabId, (tab) => {
    tab.problem = null;
    tab.blocked = [];
    for (const [picture, label] of Object.entries(tab.pictures)) if (label === "failed") delete tab.pictures[picture];
  });
  await tell(tabId, { type: "retry" });
}

/**
 * Check a picture of a tab that is on.
 *
 * @param {string} url
 * @param {number} tabId
 */
async function check(url, tabId) {
  const problem = tabs.get(tabId).problem;
  if (problem) return { state: "failed", again: true, message: problem.message };
  const pattern = patternOf(url);
  if (pattern !== null && !(await chrome.permissions.contains({ origins: [pattern] }))) {
    tabs.update(tabId, (tab) => {
      if (!tab.blocked.includes(pattern)) tab.blocked.push(pattern);
    });
    return { state: "failed", again: true, message: "The browser does not let FakeWeb read pictures from this host." };
  }
  tabs.update(tabId, (tab) => (tab.waiting += 1));
  try {
    const finding = await checker.check(url, tabId);
    tabs.note(tabId, finding.sha256, finding.label, finding.label === "fake" || finding.told ? nameOf(url) : "");
    return { state: "done", finding };
  } catch (error) {
    return failure(error, url, tabId);
  } finally {
    tabs.update(tabId, (tab) => (tab.waiting = Math.max(0, tab.waiting - 1)));
  }
}

/** @param {unknown} error @param {string} url @param {number} tabId */
function failure(error, url, tabId) {
  if (error instanceof Dropped) return { state: "failed", again: true, message: "Not looked at." };
  if (error instanceof ServerError && STOPS.has(error.code)) {
    tabs.update(tabId, (tab) => (tab.problem = { code: error.code, message: error.message }));
    checker.queue.drop(tabId); // the others would fail in the same way
    return { state: "failed", again: true, message: error.message };
  }
  if (error instanceof ServerError || error instanceof PictureError) {
    if (error.code !== "drawing") tabs.note(tabId, url, "failed");
    return { state: "failed", again: false, message: error.message };
  }
  throw error;
}

/**
 * Check the picture that was picked in the context menu; the one click is the consent.
 *
 * @param {string} url
 * @param {number} tabId
 * @param {number} frameId
 */
async function checkOne(url, tabId, frameId) {
  await inject(tabId, [frameId]);
  await tell(tabId, { type: "show", url, waiting: true }, { frameId });
  let shown;
  try {
    const readable = url.startsWith("blob:") ? await tell(tabId, { type: "read", url }, { frameId }) : url;
    if (typeof readable !== "string") throw new PictureError("unreachable", "The picture could not be read.");
    const finding = await checker.check(readable, `menu ${tabId}`);
    if (tabs.isOn(tabId)) tabs.note(tabId, finding.sha256, finding.label);
    shown = { finding };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    shown = { message: error.message };
  }
  await tell(tabId, { type: "show", url, ...shown }, { frameId });
}

/**
 * Answer one of our own scripts or pages.
 *
 * @param {any} message
 * @param {chrome.runtime.MessageSender} sender
 */
async function answer(message, sender) {
  await ready;
  const tabId = sender.tab?.id;
  const fromPage = tabId !== undefined && !sender.url?.startsWith(chrome.runtime.getURL(""));
  if (fromPage) {
    const may = await mayCheck(tabId, sender.tab?.url);
    if (message.type === "hello") return await greetPage(tabId, sender.frameId === 0 && message.fresh, may);
    if (message.type === "check") return may ? await check(message.url, tabId) : { state: "off" };
    if (message.type === "overlay") return await drawing(message, tabId);
    return undefined;
  }
  if (message.type === "switch") return await switchTab(message.tabId, message.on);
  if (message.type === "tab?") return tabs.get(message.tabId);
  if (message.type === "told?") return await told(message.tabId);
  if (message.type === "retry") return await retry(message.tabId);
  if (message.type === "next") return await tell(message.tabId, { type: "next" });
  if (message.type === "forget") return await checker.forget();
  return undefined;
}

/** @param {number} tabId @param {boolean} isNewPage @param {boolean} may */
async function greetPage(tabId, isNewPage, may) {
  if (isNewPage) {
    checker.queue.drop(tabId);
    tabs.update(tabId, (tab) => Object.assign(tab, { pictures: {}, names: {}, waiting: 0, blocked: [], problem: null }));
  }
  const { minSide, showUncertain } = await load();
  return { on: may, minSide, showUncertain };
}

/** The overlay, only of pictures that were judged before. @param {any} message @param {number} tabId */
async function drawing({ url, sha256 }, tabId) {
  if (!(await checker.knows(sha256))) return { message: "Not judged." };
  try {
    return { drawing: await checker.drawing(url, sha256, tabId) };
  } catch (error) {
    return { message: error instanceof Error ? error.message : "" };
  }
}

chrome.runtime.onMessage.addListener((message, sender, respond) => {
  if (sender.id !== chrome.runtime.id || message?.type === "tab") return false;
  answer(message, sender).then(respond, (error) => {
    console.error(error);
    respond({ state: "failed", again: false, message: "Something went wrong inside the extension." });
  });
  return true;
});

chrome.tabs.onUpdated.addListener(async (tabId, changed, tab) => {
  if (!changed.status) return;
  await ready;
  const may = await mayCheck(tabId, tab.url);
  tabs.update(tabId, (known) => (known.paused = !may));
  if (may) await inject(tabId).catch(() => {});
});

chrome.tabs.onRemoved.addListener(async (tabId) => {
  await ready;
  checker.queue.drop(tabId);
  tabs.switch(tabId, false);
});

chrome.permissions.onAdded.addListener(async () => {
  await ready;
  for (const tabId of tabs.on()) await retry(tabId);
});

chrome.storage.onChanged.addListener(async (changes, area) => {
  if (area !== "local") return;
  await ready;
  const { parallel, sites } = await load();
  checker.queue.parallel = parallel;
  if (changes.server || changes.key) for (const tabId of tabs.on()) await retry(tabId);
  if (changes.sites) {
    for (const tabId of tabs.on()) {
      const { url } = await chrome.tabs.get(tabId);
      const may = isAllowed(url, sites);
      tabs.update(tabId, (tab) => (tab.paused = !may));
      if (!may) checker.queue.drop(tabId);
      await (may ? inject(tabId).catch(() => {}) : tell(tabId, { type: "stop" }));
    }
  }
});

chrome.runtime.onInstalled.addListener(() => {
  chrome.contextMenus.create({ id: MENU, title: "Check this picture with FakeWeb", contexts: ["image"] }, () => {
    void chrome.runtime.lastError; // it is there already
  });
});

chrome.contextMenus.onClicked.addListener((info, tab) => {
  const url = info.srcUrl;
  if (info.menuItemId !== MENU || !url || tab?.id === undefined) return;
  const tabId = tab.id;
  const pattern = patternOf(url);
  // asked at once: the browser counts the click as consent only until something else has been waited for
  const granted =
    pattern === null
      ? Promise.resolve(true)
      : chrome.permissions.request({ origins: [pattern] }).catch(() => chrome.permissions.contains({ origins: [pattern] }));
  void granted.then(async (yes) => {
    await ready;
    if (yes) await checkOne(url, tabId, info.frameId ?? 0);
  });
});
