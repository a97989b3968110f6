// The files of this visit: sent one after the other, two pictures at a time, and followed to their judgement.
import { useCallback, useEffect, useReducer, useRef } from "react";
import * as api from "./api/client";
import { follow } from "./api/follow";
import { createVideo, judgePicture } from "./api/upload";
import { checkHere } from "./here";
import * as history from "./keep/history";
import { smallCopy } from "./keep/small";
import { texts } from "./texts";

export type Stage = "waiting" | "loading" | "sending" | "judging" | "done" | "failed" | "cancelled";

export interface Item {
  id: string;
  name: string;
  kind: "picture" | "video";
  file: Blob | null;
  address: string | null;
  stage: Stage;
  /** Share that was sent, or, in a video, of the work. */
  progress: number;
  /** What is being done, in the service's word. */
  note: string;
  waitS: number;
  judgement: api.Judgement | null;
  problem: api.Refusal["problem"] | null;
  /** What the browser can show: the file, or the service's PNG of it. */
  shown: string | null;
  job: api.Job | null;
  /** From the history: a small copy, with nothing to send again. */
  kept: boolean;
  /** Checked in this browser, without a service. */
  here: boolean;
  /** Fetched by its address: the service keeps the figures, and no picture. */
  stored: boolean;
}

type Change = { add: Item[] } | { id: string; set: Partial<Item> } | { remove: string };

function reduce(items: Item[], change: Change): Item[] {
  if ("add" in change) return [...change.add, ...items];
  if ("remove" in change) return items.filter((item) => item.id !== change.remove);
  return items.map((item) => (item.id === change.id ? { ...item, ...change.set } : item));
}

const VIDEO = /\.(mp4|m4v|mov|mkv|webm|avi|mpe?g|ts|mts|m2ts|wmv|flv|3gp|ogv)$/i;
const TOGETHER = 2;
const BLANK = {
  stage: "waiting", progress: 0, note: "", waitS: 0, judgement: null, problem: null, shown: null, job: null, kept: false, here: false, stored: false,
} as const;

/** Controls, and what turns the direction of the text around it. */
const TURNING = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu;
const isVideo = (file: File) => file.type.startsWith("video/") || (!file.type && VIDEO.test(file.name));

export function fromKept(kept: history.Kept): Item {
  return {
    ...BLANK, id: kept.id, name: kept.name, kind: kept.kind, file: null, address: null, stage: "done", kept: true, here: kept.here ?? false,
    judgement: kept.judgement, shown: kept.small && URL.createObjectURL(kept.small),
    job: kept.jobId ? ({ id: kept.jobId, links: { overlay: `/v1/videos/${kept.jobId}/overlay` } } as api.Job) : null,
  };
}

/** A result by its address: the service's figures, and the copy of the picture that this browser may have. */
async function fromService(id: string): Promise<Item> {
  const copies = await history.all().catch(() => []);
  const kept = copies.find((copy) => copy.judgement.id === id);
  const stored = await api.result(id).catch((error: unknown) => {
    if (kept && error instanceof api.Refusal && error.problem.status === 403) return null; // the key may judge, and read nothing
    throw error;
  });
  if (!stored) return fromKept(kept!);
  const { report, viewer_warnings } = stored;
  return {
    ...BLANK, id: `stored-${id}`, name: kept?.name ?? stored.job?.source ?? texts.shared.unnamed, kind: report.video ? "video" : "picture",
    file: null, address: null, stage: "done", kept: true, stored: true, job: stored.job, shown: kept?.small ? URL.createObjectURL(kept.small) : null,
    judgement: { id, cached: true, stored: true, report, impact: null, viewer_warnings, queue_id: null, overlay: null },
  };
}

export function useItems(limits: api.Models["limits"] | undefined, tooLarge: (name: string, size: number, most: number) => string) {
  const [items, change] = useReducer(reduce, []);
  const latest = useRef(items);
  latest.current = items;
  const running = useRef(new Map<string, AbortController>());

  const set = useCallback((id: string, values: Partial<Item>) => change({ id, set: values }), []);

  const run = useCallback(async (item: Item) => {
    const control = new AbortController();
    running.current.set(item.id, control);
    try {
      await (item.here ? runHere(item, set, control.signal) : item.address ? runAddress(item, set, control.signal) : item.kind === "video" ? runVideo(item, set, control.signal) : runPicture(item, set, control.signal));
    } catch (error) {
      if (control.signal.aborted) set(item.id, { stage: "cancelled" });
      else set(item.id, { stage: "failed", problem: error instanceof api.Refusal ? error.problem : broken(error) });
    } finally {
      running.current.delete(item.id);
      change({ id: item.id, set: {} }); // so that the next one begins
    }
  }, [set]);

  useEffect(() => {
    const waiting = items.filter((item) => item.stage === "waiting" && !running.current.has(item.id)).reverse();
    for (const item of waiting.slice(0, Math.max(0, TOGETHER - running.current.size))) void run(item);
  }, [items, run]);

  const add = useCallback((files: readonly File[], here: boolean): string | null => {
    const added = files.map((file, i): Item => {
      const kind = isVideo(file) ? "video" : "picture";
      const most = limits?.[kind === "video" ? "max_video_bytes" : "max_bytes"];
      const large = most !== undefined && file.size > most;
      const problem = large ? { code: "media.too_large", status: 413, detail: tooLarge(file.name, file.size, most), hint: "" } : null;
      return { ...BLANK, id: `${Date.now()}-${i}-${Math.random().toString(36).slice(2)}`, name: file.name.replace(TURNING, "?"), kind, here, file, address: null, stage: large ? "failed" : "waiting", problem };
    });
    change({ add: added });
    return added[0]?.id ?? null;
  }, [limits, tooLarge]);

  const addAddress = useCallback((address: string) => {
    const name = decodeURIComponent(new URL(address).pathname.split("/").pop() ?? "") || address;
    const item: Item = { ...BLANK, id: `${Date.now()}-address`, name, kind: "picture", file: null, address };
    change({ add: [item] });
    return item.id;
  }, []);

  const show = useCallback((kept: history.Kept): Item => {
    const found = latest.current.find((item) => item.id === kept.id);
    const item = found ?? fromKept(kept);
    if (!found) change({ add: [item] });
    return item;
  }, []);

  const open = useCallback(async (id: string) => {
    const item = await fromService(id);
    if (!latest.current.some((one) => one.judgement?.id === id)) change({ add: [item] });
  }, []);

  const cancel = useCallback((id: string) => {
    const item = latest.current.find((one) => one.id === id);
    if (item?.job) void api.cancelJob(item.job.id).catch(() => undefined);
    running.current.get(id)?.abort();
    if (item?.stage === "waiting") set(id, { stage: "cancelled" });
  }, [set]);

  const again = useCallback((id: string) => set(id, { ...BLANK, here: latest.current.find((one) => one.id === id)?.here ?? false }), [set]);

  const remove = useCallback((id: string) => {
    cancel(id);
    const shown = latest.current.find((one) => one.id === id)?.shown;
    if (shown?.startsWith("blob:")) URL.revokeObjectURL(shown);
    change({ remove: id });
  }, [cancel]);

  return { items, add, addAddress, show, open, cancel, again, remove };
}

/** A fault of the page itself; told, so that nothing seems to be still on its way. */
function broken(error: unknown): api.Refusal["problem"] {
  console.error(error);
  return { code: "page.broken", status: 0, detail: String(error), hint: "" };
}

type Set = (id: string, values: Partial<Item>) => void;

async function runPicture(item: Item, set: Set, signal: AbortSignal): Promise<void> {
  const file = item.file!;
  let bitmap = await createImageBitmap(file).catch(() => null);
  if (bitmap) set(item.id, { shown: URL.createObjectURL(file) });
  set(item.id, { stage: "sending", progress: 0, problem: null });
  const judgement = await judgePicture(file, item.name, {
    // a picture the browser cannot read comes back as a PNG with nothing drawn on it
    query: bitmap ? undefined : { overlay: true, opacity: 0 },
    onSent: (progress) => set(item.id, progress < 1 ? { progress, waitS: 0 } : { stage: "judging", progress, waitS: 0 }),
    onWait: (waitS) => set(item.id, { stage: "judging", waitS }),
    signal,
  });
  if (!bitmap && judgement.overlay) {
    const png = await fromBase64(judgement.overlay);
    bitmap = await createImageBitmap(png);
    set(item.id, { shown: URL.createObjectURL(png) });
  }
  await finish(item, { ...judgement, overlay: null }, set, bitmap && (await smallCopy(bitmap, bitmap.width, bitmap.height)));
  bitmap?.close();
}

async function runHere(item: Item, set: Set, signal: AbortSignal): Promise<void> {
  const file = item.file!;
  if (item.kind === "video") throw new api.Refusal({ code: "media.unsupported", status: 415, detail: texts.here.noVideo(item.name), hint: texts.here.noVideoHint });
  const bitmap = await createImageBitmap(file).catch(() => null);
  set(item.id, { stage: "loading", progress: 0, problem: null, ...(bitmap && { shown: URL.createObjectURL(file) }) });
  const report = await checkHere(file, item.name, (progress) => set(item.id, progress < 1 ? { progress } : { stage: "judging", progress }));
  if (signal.aborted) throw signal.reason;
  const judgement: api.Judgement = { id: null, cached: false, stored: false, report, impact: null, viewer_warnings: [], queue_id: null, overlay: null };
  await finish(item, judgement, set, bitmap && (await smallCopy(bitmap, bitmap.width, bitmap.height)));
  bitmap?.close();
}

async function runAddress(item: Item, set: Set, signal: AbortSignal): Promise<void> {
  set(item.id, { stage: "judging", problem: null });
  const judgement = await api.judgeAddress(item.address!, signal);
  const png = await fromBase64(judgement.overlay ?? "");
  const bitmap = await createImageBitmap(png);
  set(item.id, { file: png, shown: URL.createObjectURL(png) });
  await finish(item, { ...judgement, overlay: null }, set, await smallCopy(bitmap, bitmap.width, bitmap.height));
  bitmap.close();
}

async function runVideo(item: Item, set: Set, signal: AbortSignal): Promise<void> {
  set(item.id, { stage: "sending", progress: 0, problem: null, shown: item.shown ?? URL.createObjectURL(item.file!) });
  let job = await createVideo(item.file!, item.name, {
    onSent: (progress) => set(item.id, { progress, waitS: 0 }),
    onWait: (waitS) => set(item.id, { waitS }),
    signal,
  });
  for await (job of follow(job.id, signal)) set(item.id, { stage: "judging", job, note: job.stage, progress: job.progress });
  if (job.state === "cancelled") return set(item.id, { stage: "cancelled", job });
  if (job.state === "failed") throw new api.Refusal(job.problem ?? api.UNREACHABLE);
  await finish(item, await api.jobResult(job.id), set, await frameOf(item.file!), job);
}

async function finish(item: Item, judgement: api.Judgement, set: Set, small: Blob | null, job: api.Job | null = null): Promise<void> {
  if (history.keeping.get()) {
    const entry = { id: item.id, at: Date.now(), name: item.name, kind: item.kind, judgement, small, jobId: job?.id ?? null, here: item.here };
    await history.keep(entry).catch(() => undefined); // a browser may forbid it
  }
  set(item.id, { stage: "done", progress: 1, judgement, ...(job && { job }) }); // what is shown is kept, even if reloaded at once
}

async function fromBase64(text: string): Promise<Blob> {
  return new Blob([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))], { type: "image/png" });
}

/** A frame from a third into a video, where the browser can play it. */
function frameOf(file: Blob): Promise<Blob | null> {
  return new Promise((resolve) => {
    const video = document.createElement("video");
    const address = URL.createObjectURL(file);
    const end = (found: Blob | null) => {
      URL.revokeObjectURL(address);
      resolve(found);
    };
    setTimeout(() => end(null), 5000);
    video.muted = true;
    video.onerror = () => end(null);
    video.onloadedmetadata = () => (video.currentTime = Number.isFinite(video.duration) ? video.duration / 3 : 0);
    video.onseeked = () => void smallCopy(video, video.videoWidth, video.videoHeight).then(end);
    video.src = address;
  });
}
