/**
 * The extension's own process: what happens when, and who may ask for what.
 *
 * A page never speaks to this file; only our own scripts do. A picture is fetched and sent when, and only when, its tab
 * is on and the tab's site is on the allow-list, or when the user picked this very picture in the context menu.
 */

import { Checker, PictureError, ServerError } from "./checker.js";
import { Dropped } from "./queue.js";
import { cutFromScreen, ScreenError } from "./screen.js";
import { judgeOf, load, readsScreen, save } from "./settings.js";
import { isAllowed, patternOf, siteOf } from "./sites.js";
import { empty, Tabs } from "./tabs.js";
import { nameOf, notedAs } from "./words.js";

const SCRIPTS = ["content/find.js", "content/place.js", "content/marks.js", "content/pixels.js", "content/main.js"];
const MENU = "check";
const MOST_TOLD = 5;
const STOPS = new Set(["offline", "key", "strange", "busy", "here"]);

const tabs = new Tabs();
/** @type {Set<number>} Tabs in which a picture was just picked in the context menu, and may be read from the screen. */
const picked = new Set();
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
  const judge = judgeOf(await load());
  const found = Object.entries(tabs.get(tabId).names).flatMap(([sha256, { name, from }]) => {
    const finding = checker.findingOf(judge, sha256);
    return finding ? [{ name, finding: notedAs(finding, from) }] : [];
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
    tab.screen = "";
  });
  await tell(tabId, { type: "retry" });
}

/**
 * Check a picture of a tab that is on.
 *
 * @param {{url: string, from?: "page" | "screen", instead?: string}} picture Where its pixels were read from what the page
 *     shows, and the address of the file that could not be read.
 * @param {number} tabId
 */
async function check({ url, from, instead = url }, tabId) {
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
    const finding = notedAs(await checker.check(url, tabId), from);
    tabs.unread(tabId, instead, "");
    tabs.note(tabId, finding.sha256, finding.label, finding.label === "fake" || finding.told ? nameOf(instead) : "", from);
    return { state: "done", finding };
  } catch (error) {
    return failure(error, instead, tabId, from === undefined);
  } finally {
    tabs.update(tabId, (tab) => (tab.waiting = Math.max(0, tab.waiting - 1)));
  }
}

/** @param {unknown} error @param {string} url @param {number} tabId @param {boolean} isFile Whether pixels may do better than the file. */
function failure(error, url, tabId, isFile) {
  if (error instanceof Dropped) return { state: "failed", again: true, message: "Not looked at." };
  if (error instanceof ServerError && STOPS.has(error.code)) {
    tabs.update(tabId, (tab) => (tab.problem = { code: error.code, message: error.message }));
    checker.queue.drop(tabId); // the others would fail in the same way
    return { state: "failed", again: true, message: error.message };
  }
  if (error instanceof ServerError || error instanceof PictureError) {
    if (error.code === "drawing") return { state: "failed", again: false, message: error.message };
    tabs.unread(tabId, url, error.message);
    return { state: "failed", again: false, pixels: isFile, message: error.message };
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
    const finding = await checkPicked(url, tabId, frameId);
    if (tabs.isOn(tabId)) tabs.note(tabId, finding.sha256, finding.label);
    shown = { finding };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    shown = { message: error.message };
  }
  await tell(tabId, { type: "show", url, ...shown }, { frameId });
}

/** @param {string} url @param {number} tabId @param {number} frameId */
async function checkPicked(url, tabId, frameId) {
  const readable = url.startsWith("blob:") ? await tell(tabId, { type: "read", url }, { frameId }) : url;
  if (typeof readable !== "string") throw new PictureError("unreachable", "it could not be read");
  try {
    return await checker.check(readable, `menu ${tabId}`);
  } catch (error) {
    if (!(error instanceof PictureError) || error.code === "drawing") throw error;
    picked.add(tabId);
    const read = await tell(tabId, { type: "pixels", url }, { frameId }).finally(() => picked.delete(tabId));
    if (!read?.url) throw error;
    return notedAs(await checker.check(read.url, `menu ${tabId}`), read.from);
  }
}

/** Give a tab's script what the tab shows in some boxes. @param {any} message @param {number} tabId @param {boolean} may */
async function screen({ boxes, width }, tabId, may) {
  const consented = picked.has(tabId) || (may && readsScreen(await load()));
  try {
    if (!consented) throw new ScreenError(may ? "off" : "closed");
    const pictures = await cutFromScreen(tabId, boxes, width);
    if (tabs.get(tabId).screen) tabs.update(tabId, (tab) => (tab.screen = ""));
    return { pictures };
  } catch (error) {
    if (!(error instanceof ScreenError)) throw error;
    if (tabs.get(tabId).screen !== error.code) tabs.update(tabId, (tab) => (tab.screen = error.code));
    return {};
  }
}

/** Note what is not looked at in a frame. @param {import("./tabs.js").Skipped} skipped @param {number} tabId @param {number} frameId */
async function note(skipped, tabId, frameId) {
  const patterns = skipped.frames.map(patternOf).filter((pattern) => pattern !== null);
  const allowed = await Promise.all(patterns.map((pattern) => chrome.permissions.contains({ origins: [pattern] })));
  const frames = patterns.filter((_, i) => !allowed[i]);
  tabs.update(tabId, (tab) => (tab.skipped[frameId] = { ...skipped, frames }));
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
    if (message.type === "check") return may ? await check(message, tabId) : { state: "off" };
    if (message.type === "screen") return await screen(message, tabId, may);
    if (message.type === "skipped" && may) return await note(message.skipped, tabId, sender.frameId ?? 0);
    if (message.type === "frame" && may) return await inject(tabId).catch(() => {}); // frames that came later
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
    tabs.update(tabId, (tab) => Object.assign(tab, empty()));
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
  for (const tabId of tabs.on()) {
    await inject(tabId).catch(() => {}); // its frames, too
    await retry(tabId);
  }
});

chrome.commands.onCommand.addListener(async (command, tab) => {
  await ready;
  if (command === "next" && tab?.id !== undefined) await tell(tab.id, { type: "next" });
});

chrome.storage.onChanged.addListener(async (changes, area) => {
  if (area !== "local") return;
  await ready;
  const { parallel, sites } = await load();
  checker.queue.parallel = parallel;
  if (changes.where || changes.server || changes.key || changes.screen) for (const tabId of tabs.on()) await retry(tabId);
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
