// Where the page lies: at a service's root, or, as a static site, in any folder.
declare const __SITE__: boolean | undefined;

/** Whether this is the static site, with no service behind it. */
export const SITE = typeof __SITE__ !== "undefined" && __SITE__;

const folder = () => new URL(".", location.href.split(/[?#]/)[0]);

/** The address of one of the page's own files. */
export const asset = (path: string) => new URL(path, SITE ? folder() : location.origin).href;

/** The address of a view: "/", "/history", "/r/<id>". */
export const addressOf = (path: string) => (!SITE ? path : path === "/history" ? "?history" : folder().pathname);
