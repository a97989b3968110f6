// The page's side of worker.ts: ask for checks, be told how loading goes.
import type { Report } from "../api/client";
import { LocalProblem } from "./problem";
import type { Answered, Asked } from "./worker";

type Question = Asked extends infer One ? (One extends { id: number } ? Omit<One, "id"> : never) : never;
type Waiting = { done: (report: Report | null) => void; fail: (error: Error) => void; onShare?: (share: number) => void };

export class Checker {
  private readonly waiting = new Map<number, Waiting>();
  private last = 0;
  private loaded: Promise<unknown> | null = null;

  /**
   * @param worker runs worker.ts
   * @param base address of the folder with parts.json, ending in a slash
   * @param threads of ONNX Runtime; by default as many as are allowed, at most four
   */
  constructor(private readonly worker: Worker, private readonly base: string, private readonly threads?: number) {
    worker.onmessage = ({ data }: MessageEvent<Answered>) => this.hear(data);
    worker.onerror = (event) => this.stop(new Error(event.message || "the worker cannot be started"));
  }

  /** Fetch and open everything, once; after a failure it may be tried again. */
  load(onShare?: (share: number) => void): Promise<unknown> {
    this.loaded ??= this.ask({ base: this.base, threads: this.threads }, onShare).catch((error: unknown) => {
      this.loaded = null;
      throw error;
    });
    return this.loaded;
  }

  /** Check one picture; throws LocalProblem. */
  async check(file: Blob, name: string, onShare?: (share: number) => void): Promise<Report> {
    await this.load(onShare);
    return (await this.ask({ file, name }))!;
  }

  private ask(question: Question, onShare?: (share: number) => void): Promise<Report | null> {
    const id = ++this.last;
    return new Promise((done, fail) => {
      this.waiting.set(id, { done, fail, onShare });
      this.worker.postMessage({ id, ...question });
    });
  }

  private hear(answer: Answered): void {
    const asked = this.waiting.get(answer.id);
    if (!asked) return;
    if ("share" in answer) return asked.onShare?.(answer.share);
    this.waiting.delete(answer.id);
    if ("problem" in answer) asked.fail(new LocalProblem(answer.problem));
    else asked.done("report" in answer ? answer.report : null);
  }

  private stop(error: Error): void {
    for (const asked of this.waiting.values()) asked.fail(error);
    this.waiting.clear();
    this.loaded = null;
  }
}
