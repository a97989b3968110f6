import { useEffect, useState } from "react";
import type { Report } from "../api/client";
import { ranked } from "../faces";
import { clock, percent } from "../format";
import { texts } from "../texts";

const MOST = 6;
/** At most so many of one person. */
const OF_ONE = 3;
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

/** The moments that say most: of each person the one the verdict shows, the most suspicious people first; then, where there is room, more of those not called real. */
export function momentsOf(report: Report): Moment[] {
  const apart = Math.max(1, (report.video?.duration_s ?? 0) / 8);
  const people = ranked(report.faces).flatMap((face): Moment[][] => {
    const curve = report.timeline?.[report.faces.indexOf(face)];
    if (!curve || curve.telling_s === null) return [];
    const telling = curve.telling_s;
    const of = { person: face.track ?? face.number, label: face.verdict.label };
    const found: Moment[] = [{ ...of, at: telling, p: curve.p_fake[nearest(curve.time_s, telling)] ?? face.verdict.p_fake, box: face.box }];
    const sightings = face.verdict.label === "real" ? [] : curve.time_s
      .map((at, i): Moment => ({ ...of, at, p: curve.p_fake[i] ?? null, box: curve.box[i]! }))
      .filter(({ p }) => p !== null)
      .sort((one, other) => other.p! - one.p!);
    for (const one of sightings) {
      if (found.length < OF_ONE && found.every(({ at }) => Math.abs(at - one.at) >= apart)) found.push(one);
    }
    return [found];
  });
  const order = Array.from({ length: OF_ONE }, (_, n) => people.flatMap((found) => found[n] ?? [])).flat().slice(0, MOST);
  return people.flatMap((found) => found.filter((one) => order.includes(one)).sort((one, other) => one.at - other.at));
}

const nearest = (times: readonly number[], at: number) => times.reduce((best, time, i) => (Math.abs(time - at) < Math.abs(times[best]! - at) ? i : best), 0);

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
