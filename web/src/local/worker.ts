// The worker in which pictures are checked, so that the page stays responsive.
import { readPicture } from "./decode";
import { loadParts } from "./load";
import { asProblem, type Problem } from "./problem";
import { openNetworks } from "./runtime";
import { Scanner } from "./scan";
import type { Report } from "../api/client";

/** Load what is needed from `base`; or check a file, after that was loaded. */
export type Asked = { id: number; base: string; threads?: number } | { id: number; file: Blob; name: string };
export type Answered = { id: number } & ({ share: number } | { ready: { threads: number } } | { report: Report } | { problem: Problem });

// ONNX Runtime starts its threads from this very file, and tells them by their name
if (!self.name?.startsWith("em-pthread")) {
  let scanner: Promise<Scanner> | null = null;
  let before: Promise<unknown> = Promise.resolve();
  const say = (answer: Answered) => self.postMessage(answer);
  const answer = async (asked: Asked): Promise<void> => {
    try {
      if ("base" in asked) {
        scanner ??= loadParts(new URL(asked.base), (share) => say({ id: asked.id, share })).then(async (parts) => new Scanner(await openNetworks(parts, asked.threads)));
        await scanner;
        say({ id: asked.id, ready: { threads: asked.threads ?? 0 } });
      } else {
        if (!scanner) throw new Error("nothing was loaded");
        const media = await readPicture(asked.file, asked.name);
        say({ id: asked.id, report: await (await scanner).judge(media) });
      }
    } catch (error) {
      if ("base" in asked) scanner = null;
      say({ id: asked.id, problem: asProblem(error) });
    }
  };
  self.onmessage = ({ data }: MessageEvent<Asked>) => {
    before = before.then(() => answer(data)); // one after the other
  };
}
