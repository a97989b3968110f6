// Server-sent events read with fetch, since an EventSource cannot show a key.
import { Refusal, UNREACHABLE, authorization, job as getJob, refusalFrom, type Job } from "./client";
import { sleep } from "./upload";

const ENDED = ["done", "failed", "cancelled"];

/** Give each state of a job until it has ended; a connection that breaks is made again. */
export async function* follow(id: string, signal: AbortSignal): AsyncGenerator<Job> {
  for (let breaks = 0; ; breaks++) {
    try {
      for await (const job of events(id, signal)) {
        breaks = 0;
        yield job;
        if (ENDED.includes(job.state)) return;
      }
    } catch (error) {
      if (signal.aborted || error instanceof Refusal || breaks > 5) throw error;
    }
    await sleep(1000, signal);
    const now = await getJob(id);
    yield now;
    if (ENDED.includes(now.state)) return;
  }
}

async function* events(id: string, signal: AbortSignal): AsyncGenerator<Job> {
  const response = await fetch(`/v1/videos/${id}/events`, { headers: authorization(), signal });
  if (!response.ok) throw refusalFrom(response.status, await response.json().catch(() => undefined), null);
  if (!response.body) throw new Refusal(UNREACHABLE);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += value;
    const parts = text.split("\n\n");
    text = parts.pop()!;
    for (const part of parts) {
      const data = part.split("\n").find((line) => line.startsWith("data: "));
      if (data) yield JSON.parse(data.slice(6)) as Job;
    }
  }
}
