/** Addresses: which site a page belongs to, whether it is on the allow-list, what permission a picture needs. */

/**
 * Return the host of a page, or null where FakeWeb has no business (the browser's own pages, files, stores).
 *
 * @param {string | undefined} url
 * @returns {string | null}
 */
export function siteOf(url) {
  if (!url) return null;
  try {
    const { protocol, hostname } = new URL(url);
    return protocol === "http:" || protocol === "https:" ? hostname : null;
  } catch {
    return null;
  }
}

/**
 * Tell whether a page's site is on the allow-list. A host allows its subdomains, never its neighbours.
 *
 * @param {string | undefined} url
 * @param {readonly string[]} sites
 */
export function isAllowed(url, sites) {
  const host = siteOf(url);
  return host !== null && sites.some((site) => host === site || host.endsWith(`.${site}`));
}

/**
 * Return what somebody typed into the allow-list as a host, or null where it is none.
 *
 * @param {string} text
 * @returns {string | null}
 */
export function cleanSite(text) {
  const typed = text.trim().toLowerCase();
  if (typed === "" || /\s/.test(typed)) return null;
  const host = siteOf(/^[a-z]+:\/\//.test(typed) ? typed : `https://${typed.replace(/^\*\./, "")}`);
  return host || null;
}

/**
 * Return the match pattern that gives access to an address. Patterns know no ports.
 *
 * @param {string} url
 * @returns {string | null} Null where no permission is needed or possible, as for `data:`.
 */
export function patternOf(url) {
  const host = siteOf(url);
  return host === null ? null : `${new URL(url).protocol}//${host}/*`;
}
