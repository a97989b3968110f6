// Uploads with progress, which fetch cannot tell.
import { Refusal, UNREACHABLE, authorization, refusalFrom, type Job, type Judgement, type Reach } from "./client";

interface Options {
  query?: Record<string, string | number | boolean>;
  onSent?: (share: number) => void;
  onWait?: (seconds: number) => void;
  signal?: AbortSignal;
}

const PATIENCE = 4;

export const judgePicture = (file: Blob, name: string, options: Options = {}) =>
  patiently<Judgement>("/v1/predict", file, name, "application/json", options);

export const drawOverlay = (file: Blob, name: string, opacity: number) =>
  patiently<Blob>("/v1/predict", file, name, "image/png", { query: { opacity } });

/** The page to hand on, HTML; the service knows the picture by its bytes and does not judge it again. */
export const picturePage = (file: Blob, name: string, reach: Reach) =>
  patiently<Blob>("/v1/predict", file, name, "text/html", { query: { ...reach, queue: false } });

export const createVideo = (file: Blob, name: string, options: Options = {}) =>
  patiently<Job>("/v1/videos", file, name, "application/json", options);

/** Send, and again after the time the service asks for, where it is full. */
async function patiently<T>(path: string, file: Blob, name: string, accept: string, options: Options): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await send<T>(path, file, name, accept, options);
    } catch (error) {
      const wait = error instanceof Refusal ? error.retryAfterS : null;
      if (wait === null || tries >= PATIENCE) throw error;
      options.onWait?.(wait);
      await sleep(wait * 1000, options.signal);
    }
  }
}

function send<T>(path: string, file: Blob, name: string, accept: string, options: Options): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const query = new URLSearchParams(Object.entries(options.query ?? {}).map(([k, v]) => [k, String(v)]));
    request.open("POST", query.size ? `${path}?${query}` : path);
    request.responseType = "blob";
    request.setRequestHeader("Accept", accept);
    for (const [header, value] of Object.entries(authorization())) request.setRequestHeader(header, value);
    request.upload.onprogress = (event) => event.lengthComputable && options.onSent?.(event.loaded / event.total);
    request.onerror = () => reject(new Refusal(UNREACHABLE));
    request.onabort = () => reject(new DOMException("", "AbortError"));
    request.onload = async () => {
      const body = request.response as Blob;
      const good = request.status >= 200 && request.status < 300;
      if (good && accept !== "application/json") return resolve(body as T);
      const told = await body.text().then(JSON.parse).catch(() => undefined);
      if (good) resolve(told as T);
      else reject(refusalFrom(request.status, told, request.getResponseHeader("Retry-After")));
    };
    options.signal?.addEventListener("abort", () => request.abort());
    const form = new FormData();
    form.append("file", file, name);
    request.send(form);
  });
}

export function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new DOMException("", "AbortError"));
    });
  });
}
