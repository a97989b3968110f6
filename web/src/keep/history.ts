// What this browser remembers: a small copy of each picture, and its report. It leaves the browser never.
import type { Judgement } from "../api/client";

export interface Kept {
  id: string;
  at: number;
  name: string;
  kind: "picture" | "video";
  judgement: Judgement;
  /** JPEG, at most 640 px; null where the browser could not show the file. */
  small: Blob | null;
  jobId: string | null;
  /** Checked in this browser. */
  here?: boolean;
}

const MOST = 60;
const OFF = "fakeweb.history";

export const keeping = {
  get: () => localStorage.getItem(OFF) !== "off",
  set: (on: boolean) => (on ? localStorage.removeItem(OFF) : localStorage.setItem(OFF, "off")),
};

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open("fakeweb", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("results", { keyPath: "id" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function store<T>(mode: IDBTransactionMode, work: (all: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const database = await open();
  try {
    return await new Promise((resolve, reject) => {
      const change = database.transaction("results", mode);
      const request = work(change.objectStore("results"));
      change.oncomplete = () => resolve(request.result);
      change.onabort = change.onerror = () => reject(change.error);
    });
  } finally {
    database.close();
  }
}

/** All that is kept, the latest first. */
export async function all(): Promise<Kept[]> {
  const found: Kept[] = await store("readonly", (s) => s.getAll());
  return found.sort((a, b) => b.at - a.at);
}

export async function keep(entry: Kept): Promise<void> {
  await store("readwrite", (s) => s.put(entry));
  for (const old of (await all()).slice(MOST)) await remove(old.id);
}

export const remove = (id: string) => store("readwrite", (s) => s.delete(id));

/** Delete everything about these bytes. */
export async function removeMedia(sha256: string): Promise<void> {
  for (const one of await all()) if (one.judgement.report.media_sha256 === sha256) await remove(one.id);
}

export const clear = () => store("readwrite", (s) => s.clear());
