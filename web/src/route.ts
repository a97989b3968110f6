// Addresses of the page: / for what is being checked, /r/<id> for a result that the service keeps, /history.
import { useCallback, useEffect, useState } from "react";
import { SITE, addressOf } from "./place";

export interface Route {
  view: "check" | "history";
  /** Id of a result of the service. */
  result: string | null;
  /** What of this visit is shown: an item by its id here, or ALL of them. */
  item: string | null;
}

/** All files of this visit, as a table. */
export const ALL = "all";

export const resultPath = (id: string) => `/r/${encodeURIComponent(id)}`;

export function routeOf(path: string, state: unknown): Route {
  const found = /^\/r\/([^/]+)\/?$/.exec(path);
  const item = (state as { item?: string } | null)?.item ?? null;
  return { view: path === "/history" ? "history" : "check", result: found ? decodeURIComponent(found[1]!) : null, item };
}

const here = () => routeOf(SITE ? (location.search === "?history" ? "/history" : "/") : location.pathname, history.state);

/** Where the page is, and ways to go elsewhere: by a step back that is kept, or in its place. */
export function useRoute() {
  const [route, setRoute] = useState(here);
  useEffect(() => {
    const back = () => setRoute(here());
    addEventListener("popstate", back);
    return () => removeEventListener("popstate", back);
  }, []);
  const go = useCallback((path: string, item: string | null = null, way: "push" | "replace" = "push") => {
    history[way === "push" ? "pushState" : "replaceState"]({ item }, "", addressOf(path));
    setRoute(here());
  }, []);
  return { route, go };
}
