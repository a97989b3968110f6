// Checks pictures in the extension, by the page's own code; built into worker.js by `npm run local` in extension/.
import { readPicture } from "../../web/src/local/decode";
import { loadParts } from "../../web/src/local/load";
import { asProblem, type Problem } from "../../web/src/local/problem";
import { openNetworks } from "../../web/src/local/runtime";
import { Scanner } from "../../web/src/local/scan";
import { drawReport } from "../../web/src/mesh/draw";
import type { Report } from "../../web/src/api/client";

export type Asked = { id: number; bytes: ArrayBuffer };
export type Answered = { id: number } & ({ report: Report; drawing: Blob | null } | { problem: Problem });

const DRAWING_PX = 1280;
let scanner: Promise<Scanner> | null = null;
let before: Promise<unknown> = Promise.resolve();

async function open(): Promise<Scanner> {
  return new Scanner(await openNetworks(await loadParts(new URL("./", self.location.href)), 1));
}

/** The mesh over what looks manipulated, as a picture of its own without the photograph. */
async function draw(report: Report, width: number, height: number): Promise<Blob | null> {
  if (report.verdict.label !== "fake") return null;
  const scale = Math.min(1, DRAWING_PX / Math.max(width, height));
  const canvas = new OffscreenCanvas(Math.round(width * scale), Math.round(height * scale));
  const context = canvas.getContext("2d") as unknown as CanvasRenderingContext2D;
  drawReport(context, report, { opacity: 1, byProbability: true }, { scale });
  return await canvas.convertToBlob({ type: "image/png" });
}

async function answer({ id, bytes }: Asked): Promise<void> {
  try {
    scanner ??= open();
    const media = await readPicture(new Blob([bytes]), "picture");
    const report = await (await scanner).judge(media);
    self.postMessage({ id, report, drawing: await draw(report, media.picture.width, media.picture.height) } satisfies Answered);
  } catch (error) {
    scanner?.catch(() => (scanner = null)); // what could not be loaded may be there the next time
    self.postMessage({ id, problem: asProblem(error) } satisfies Answered);
  }
}

self.onmessage = ({ data }: MessageEvent<Asked>) => {
  before = before.then(() => answer(data)); // one after the other
};
