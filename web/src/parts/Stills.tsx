import { useEffect, useState } from "react";
import type { Report } from "../api/client";
import { ranked } from "../faces";
import { clock, percent } from "../format";
import { texts } from "../texts";

const MOST = 6;
const SIDE_PX = 132;
/** How much is cut out around a face, in widths of the face. */
const AROUND = 1.9;
const PATIENCE_MS = 8000;

interface Moment {
  at: number;
  person: number;
  p: number | null;
  box: readonly number[];
  label: string;
}

/** The moments that say most: of each person the one the verdict shows, the most suspicious people first. */
export function momentsOf(report: Report): Moment[] {
  const moments = ranked(report.faces).flatMap((face): Moment[] => {
    const curve = report.timeline?.[report.faces.indexOf(face)];
    if (!curve || curve.telling_s === null) return [];
    return [{ at: curve.telling_s, person: face.track ?? face.number, p: face.verdict.p_fake, box: face.box, label: face.verdict.label }];
  });
  return moments.slice(0, MOST);
}

/** Small pictures of telling moments, taken from the video in the browser; a click goes there. */
export function Stills({ report, source, onSeek }: { report: Report; source: string | null; onSeek: (time: number) => void }) {
  const [stills, setStills] = useState<readonly { moment: Moment; address: string }[]>([]);
  useEffect(() => {
    if (!source) return;
    let wanted = true;
    void (async () => {
      const taken: { moment: Moment; address: string }[] = [];
      for await (const still of take(source, report)) {
        if (!wanted) return;
        taken.push(still);
        setStills([...taken]);
      }
    })();
    return () => {
      wanted = false;
    };
  }, [source, report]);
  if (!stills.length) return null;
  return (
    <section className="stills" aria-labelledby="stills">
      <h2 id="stills">{texts.video.stills}</h2>
      <ul>
        {stills.map(({ moment, address }) => (
          <li key={`${moment.person} ${moment.at}`}>
            <button type="button" className={moment.label} onClick={() => onSeek(moment.at)}>
              <img src={address} alt="" width={SIDE_PX} height={SIDE_PX} />
              <span>{texts.video.still(texts.face.person(moment.person), clock(moment.at, true), moment.p === null ? null : percent(moment.p))}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

async function* take(source: string, report: Report): AsyncGenerator<{ moment: Moment; address: string }> {
  const video = document.createElement("video");
  video.muted = true;
  video.preload = "auto";
  video.src = source;
  if (!(await heard(video, "loadeddata"))) return;
  const share = video.videoWidth / report.width;
  for (const moment of momentsOf(report)) {
    video.currentTime = moment.at;
    if (!(await heard(video, "seeked"))) return;
    const [x0, y0, x1, y1] = moment.box as [number, number, number, number];
    const side = Math.min(AROUND * Math.max(x1 - x0, y1 - y0), report.width, report.height);
    const left = Math.max(0, Math.min(report.width - side, (x0 + x1 - side) / 2));
    const top = Math.max(0, Math.min(report.height - side, (y0 + y1 - side) / 2));
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 2 * SIDE_PX;
    canvas.getContext("2d")!.drawImage(video, left * share, top * share, side * share, side * share, 0, 0, canvas.width, canvas.height);
    yield { moment, address: canvas.toDataURL("image/jpeg", 0.85) };
  }
}

/** Wait for an event of a video; false where it does not come. */
function heard(video: HTMLVideoElement, event: string): Promise<boolean> {
  return new Promise((resolve) => {
    setTimeout(() => resolve(false), PATIENCE_MS);
    video.addEventListener(event, () => resolve(true), { once: true });
    video.addEventListener("error", () => resolve(false), { once: true });
  });
}
