// Checks in this browser: whether they can be had here, and the one worker that does them.
import { Refusal, type Report } from "./api/client";
import { Checker } from "./local/checker";
import { manifestAt } from "./local/load";
import { LocalProblem } from "./local/problem";
import { asset } from "./place";

const PARTS = () => new URL(asset("local/"));

let checker: Checker | null = null;

/** Check one picture here; `onShare` is told how much of what that takes was loaded. */
export async function checkHere(file: Blob, name: string, onShare: (share: number) => void): Promise<Report> {
  checker ??= new Checker(new Worker(new URL("./local/worker.ts", import.meta.url), { type: "module" }), PARTS().href);
  try {
    return await checker.check(file, name, onShare);
  } catch (error) {
    if (error instanceof LocalProblem) throw new Refusal(error.problem);
    throw error;
  }
}

/** Whether this browser can, and this place has what it takes. */
export async function isPossibleHere(): Promise<boolean> {
  if (!isSecureContext || typeof DecompressionStream === "undefined" || typeof OffscreenCanvas === "undefined" || typeof WebAssembly === "undefined") return false;
  return manifestAt(PARTS()).then(() => true, () => false);
}
