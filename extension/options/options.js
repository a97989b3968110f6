/** The options page. */

import { greet, ServerError } from "../background/api.js";
import { checked, cleanServer, isLocal, load, readsScreen, save } from "../background/settings.js";
import { cleanSite, patternOf, siteOf } from "../background/sites.js";

/** @param {string} id */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
/** @param {string} id */
const field = (id) => /** @type {HTMLInputElement} */ (document.getElementById(id));

let settings = await load();
field("server").value = settings.server;
field("key").value = settings.key;
showWhere();
for (const id of ["here", "there"]) {
  field(id).addEventListener("change", async () => {
    await keep({ where: field("here").checked ? "here" : "server" });
    field("screen").checked = readsScreen(settings);
  });
}
field("min-side").value = String(settings.minSide);
field("parallel").value = String(settings.parallel);
field("show-uncertain").checked = settings.showUncertain;
field("screen").checked = readsScreen(settings);
showSites();
showRoad();

field("server").addEventListener("input", showRoad);
byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  void saveAndTest();
});
for (const id of ["min-side", "parallel", "show-uncertain"]) {
  field(id).addEventListener("change", async () => {
    const { minSide, parallel } = checked({ minSide: field("min-side").value, parallel: field("parallel").value });
    field("min-side").value = String(minSide);
    field("parallel").value = String(parallel);
    await keep({ minSide, parallel, showUncertain: field("show-uncertain").checked });
  });
}
field("screen").addEventListener("change", () => void keep({ screen: field("screen").checked }));
byId("add").addEventListener("click", addSite);
field("site").addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  void addSite();
});
byId("forget").addEventListener("click", async () => {
  await chrome.runtime.sendMessage({ type: "forget" });
  byId("forget").textContent = "Forgotten";
});

/** @param {Partial<import("../background/settings.js").Settings>} changes */
async function keep(changes) {
  await save(changes);
  settings = await load();
}

/** @param {string} words @param {"good" | "bad" | ""} kind */
function say(words, kind = "") {
  const output = byId("said");
  output.textContent = words;
  output.className = kind;
}

async function saveAndTest() {
  let server;
  try {
    server = cleanServer(field("server").value);
  } catch {
    say("That is no address. It looks like http://127.0.0.1:8000", "bad");
    return;
  }
  // asked first: the browser counts the click as consent only until something else has been waited for
  const granted = await chrome.permissions.request({ origins: [/** @type {string} */ (patternOf(server))] });
  if (!granted) {
    say("Your browser does not let FakeWeb speak to that server.", "bad");
    return;
  }
  field("server").value = server;
  await keep({ where: "server", server, key: field("key").value.trim() });
  showWhere();
  field("screen").checked = readsScreen(settings); // by default only where the server is this computer
  say("Asking …");
  try {
    const { version, models } = await greet(settings);
    say(`Saved. FakeWeb ${version} answers${models.length ? `, model ${models.join(", ")}` : ""}.`, "good");
  } catch (error) {
    say(`Saved, but: ${error instanceof ServerError ? error.message : "no answer."}`, "bad");
  }
}

function showWhere() {
  field(settings.where === "here" ? "here" : "there").checked = true;
}

function showRoad() {
  let open = false;
  try {
    const server = cleanServer(field("server").value);
    open = server.startsWith("http:") && !isLocal(server);
  } catch {
    // not yet an address
  }
  byId("open-road").hidden = !open;
}

async function addSite() {
  const site = cleanSite(field("site").value);
  field("site").setCustomValidity(site === null ? "A host such as example.org" : "");
  if (site === null) {
    field("site").reportValidity();
    return;
  }
  field("site").value = "";
  await keep({ sites: [...new Set([...settings.sites, site])].sort() });
  showSites();
}

/** @param {string} site */
async function removeSite(site) {
  await keep({ sites: settings.sites.filter((s) => s !== site) });
  showSites();
  if (siteOf(settings.server) === site) return; // the server is still spoken to
  await chrome.permissions.remove({ origins: [`https://${site}/*`, `http://${site}/*`] }).catch(() => {}); // local ones stay
}

function showSites() {
  byId("no-sites").hidden = settings.sites.length > 0;
  byId("sites").replaceChildren(
    ...settings.sites.map((site) => {
      const item = document.createElement("li");
      const remove = document.createElement("button");
      remove.type = "button";
      remove.className = "quiet";
      remove.textContent = "Remove";
      remove.setAttribute("aria-label", `Remove ${site}`);
      remove.addEventListener("click", () => void removeSite(site));
      item.append(site, remove);
      return item;
    }),
  );
}
