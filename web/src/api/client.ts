// Calls to the service; what they take and give is generated from docs/reference/openapi.json (`npm run generate`).
import createClient from "openapi-fetch";
import { SITE, asset } from "../place";
import type { components, paths } from "./schema";

type Schemas = components["schemas"];
export type Report = Schemas["Report"];
export type Face = Report["faces"][number];
export type Label = Report["verdict"]["label"];
export type Judgement = Schemas["Judgement"];
export type Job = Schemas["Job"];
export type Models = Schemas["Models"];
export type ModelInfo = Schemas["ModelInfo"];
export type Problem = Schemas["Problem"];
export type Impact = Schemas["ImpactAnswer"];
/** How far a post goes, as far as it is known. */
export type Reach = { views?: number; followers?: number; engagement_rate?: number };

const KEY = "fakeweb.key";

/** An API key is kept for this tab only. */
export const key = {
  get: () => sessionStorage.getItem(KEY) ?? "",
  set: (value: string) => (value ? sessionStorage.setItem(KEY, value) : sessionStorage.removeItem(KEY)),
};

export function authorization(): Record<string, string> {
  return key.get() ? { Authorization: `Bearer ${key.get()}` } : {};
}

/** What the service, or the way to it, has against a request. */
export class Refusal extends Error {
  constructor(
    readonly problem: Pick<Problem, "code" | "detail" | "hint" | "status">,
    readonly retryAfterS: number | null = null,
  ) {
    super(problem.detail);
  }
}

export const UNREACHABLE = { code: "page.unreachable", status: 0, detail: "", hint: "" };

export function refusalFrom(status: number, body: unknown, retryAfter: string | null): Refusal {
  const told = body as Partial<Problem> | undefined;
  const seconds = Number(retryAfter);
  return new Refusal(
    {
      code: told?.code ?? `http.${status}`,
      status,
      detail: told?.detail ?? `HTTP ${status}`,
      hint: told?.hint ?? "",
    },
    retryAfter && Number.isFinite(seconds) ? seconds : null,
  );
}

const http = createClient<paths>({ baseUrl: location.origin });
http.use({
  onRequest({ request }) {
    for (const [name, value] of Object.entries(authorization())) request.headers.set(name, value);
    return request;
  },
});

async function answer<T>(call: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  let result;
  try {
    result = await call;
  } catch {
    throw new Refusal(UNREACHABLE);
  }
  const { data, error, response } = result;
  if (!response.ok) throw refusalFrom(response.status, error, response.headers.get("Retry-After"));
  return data as T;
}

export const models = () => (SITE ? siteModels() : answer(http.GET("/v1/models")));

/** Of the static site: a file in the form of the service's answer. */
async function siteModels(): Promise<Models> {
  const response = await fetch(asset("local/about.json")).catch(() => null);
  if (!response?.ok) throw new Refusal(UNREACHABLE);
  return response.json();
}

export const judgeAddress = (url: string, signal?: AbortSignal) =>
  answer(http.POST("/v1/urls", { body: { url }, params: { query: { overlay: true, opacity: 0 } }, signal })) as Promise<Judgement>;

export const job = (id: string) => answer(http.GET("/v1/videos/{job_id}", { params: { path: { job_id: id } } }));

export const jobResult = (id: string) =>
  answer(http.GET("/v1/videos/{job_id}/result", { params: { path: { job_id: id } } })) as Promise<Judgement>;

export const result = (id: string) => answer(http.GET("/v1/results/{result_id}", { params: { path: { result_id: id } } }));

export const impactOf = (p: number, reach: Reach, signal?: AbortSignal) =>
  answer(http.GET("/v1/impact", { params: { query: { p_fake: p, ...reach } }, signal }));

export const cancelJob = (id: string) =>
  answer(http.POST("/v1/videos/{job_id}/cancel", { params: { path: { job_id: id } } }));

export const forget = (sha256: string) =>
  answer(http.DELETE("/v1/media/{media_sha256}", { params: { path: { media_sha256: sha256 } } }));

export async function blob(path: string, request: RequestInit = {}): Promise<Blob> {
  const headers = { ...authorization(), ...(request.headers as Record<string, string>) };
  const response = await fetch(path, { ...request, headers }).catch(() => { throw new Refusal(UNREACHABLE); });
  if (!response.ok) throw refusalFrom(response.status, await response.json().catch(() => undefined), null);
  return response.blob();
}

const PAGE = { Accept: "text/html" };
const query = (values: object) => new URLSearchParams(Object.entries(values).map(([name, value]) => [name, String(value)]));

/** The page to hand on of a finished video. */
export const jobPage = (id: string, reach: Reach) => blob(`/v1/videos/${id}/result?${query(reach)}`, { headers: PAGE });

/** The page to hand on of a picture on the web, which the service fetches once more. */
export const addressPage = (url: string, reach: Reach) =>
  blob(`/v1/urls?${query({ ...reach, queue: false })}`, {
    method: "POST", body: JSON.stringify({ url }), headers: { ...PAGE, "Content-Type": "application/json" },
  });
