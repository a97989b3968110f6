import { useRef } from "react";
import type { Report } from "../api/client";
import { clock, percent } from "../format";
import { texts } from "../texts";
import { useWidth } from "./Stage";

const HEIGHT = 168;
const PAD = { left: 34, right: 26, top: 10, bottom: 22 };
/** Lines differ in their dashes too, so that colour never carries the message alone. */
const DASHES = ["", "7 4", "2 4", "10 4 2 4"];

interface Props {
  report: Report;
  now: number;
  onSeek: (time: number) => void;
}

type Track = NonNullable<Report["timeline"]>[number];

/** P(fake) of every person over time, with the lines between the verdicts. */
export function Timeline({ report, now, onSeek }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const tracks = report.timeline ?? [];
  const long = Math.max(report.video?.duration_s ?? 0, 0.1);
  const inner = Math.max(10, width - PAD.left - PAD.right);
  const x = (time: number) => PAD.left + (Math.min(time, long) / long) * inner;
  const y = (p: number) => PAD.top + (1 - p) * (HEIGHT - PAD.top - PAD.bottom);
  const { real, fake } = report.thresholds;
  const stretches = report.faces.flatMap((face, i) => (face.verdict.label === "real" ? [] : (face.stretches ?? [])).map((s) => ({ ...s, i })));
  const people = tracks
    .map((track) => ({ track: track.track, p: near(track, now, long) }))
    .filter((one) => one.p !== null)
    .map((one) => `${texts.face.person(one.track)} ${percent(one.p!)}`)
    .join(", ");

  const click = (event: React.PointerEvent) => {
    const left = box.current!.getBoundingClientRect().left;
    onSeek(Math.min(long, Math.max(0, ((event.clientX - left - PAD.left) / inner) * long)));
  };
  return (
    <section className="timeline" aria-labelledby="timeline">
      <h2 id="timeline">{texts.video.timeline}</h2>
      <div ref={box} className="chart" onPointerDown={click}>
        {width > 0 && (
          <svg width={width} height={HEIGHT} aria-hidden="true">
            <rect className="zone fake" x={PAD.left} width={inner} y={y(1)} height={y(fake) - y(1)} />
            <rect className="zone real" x={PAD.left} width={inner} y={y(real)} height={y(0) - y(real)} />
            {apart([0, 1, fake, real]).map((p) => <text key={p} x={PAD.left - 6} y={y(p) + 4} textAnchor="end">{Math.round(100 * p)}</text>)}
            {ticks(long).map((time) => <text key={time} x={x(time)} y={HEIGHT - 5} textAnchor={time ? "middle" : "start"}>{clock(time)}</text>)}
            {stretches.map(({ from_s: from, to_s: to, i }) => (
              <g key={`${i} ${from}`} className={`stretch hue-${i % 4}`}>
                <rect x={x(from)} width={Math.max(2, x(to) - x(from))} y={y(1)} height={y(0) - y(1)} />
                <rect className="bar" x={x(from)} width={Math.max(2, x(to) - x(from))} y={y(0) - 5 - 7 * i} height={5} />
              </g>
            ))}
            {tracks.map((track, i) => <Curve key={track.track} track={track} dash={DASHES[i % DASHES.length]!} hue={i} x={x} y={y} fake={fake} />)}
            <line className="now" x1={x(now)} x2={x(now)} y1={PAD.top - 6} y2={HEIGHT - PAD.bottom} />
          </svg>
        )}
      </div>
      <input
        type="range" min={0} max={long} step={0.1} value={Math.min(now, long)} style={{ marginLeft: PAD.left, width: inner }}
        aria-label={texts.video.position} aria-valuetext={texts.video.now(clock(now, true), people)}
        onChange={(event) => onSeek(Number(event.target.value))}
      />
      <p className="now-words">{texts.video.now(clock(now, true), people)}</p>
      <p className="quiet small-print">{texts.video.timelineNote} {stretches.length > 0 && texts.video.stretchesNote}</p>
    </section>
  );
}

interface CurveProps {
  track: Track;
  dash: string;
  hue: number;
  x: (time: number) => number;
  y: (p: number) => number;
  fake: number;
}

function Curve({ track, dash, hue, x, y, fake }: CurveProps) {
  const seen = track.time_s.flatMap((time, i) => {
    const p = track.p_fake[i];
    return p === null || p === undefined ? [] : [{ time, p }];
  });
  return (
    <g className={`curve hue-${hue % 4}`}>
      <polyline points={seen.map((s) => `${x(s.time).toFixed(1)},${y(s.p).toFixed(1)}`).join(" ")} strokeDasharray={dash} />
      {seen.map((s) => <circle key={s.time} className={s.p >= fake ? "fake" : ""} cx={x(s.time)} cy={y(s.p)} r={seen.length > 120 ? 1.5 : 3} />)}
    </g>
  );
}

/** The score of the sighting nearest to a moment; null where the person was not seen about then. */
function near(track: Track, time: number, long: number): number | null {
  if (time < track.from_s - 0.02 * long || time > track.to_s + 0.02 * long) return null;
  let best: number | null = null;
  let gap = Infinity;
  track.time_s.forEach((at, i) => {
    const p = track.p_fake[i];
    if (p !== null && p !== undefined && Math.abs(at - time) < gap) [gap, best] = [Math.abs(at - time), p];
  });
  return best;
}

/** Values whose labels do not run into those before them. */
function apart(values: number[]): number[] {
  return values.filter((value, i) => values.slice(0, i).every((other) => Math.abs(value - other) > 0.11));
}

function ticks(long: number): number[] {
  const step = [1, 2, 5, 10, 15, 30, 60, 120, 300].find((s) => long / s <= 8) ?? 600;
  return Array.from({ length: Math.floor(long / step) + 1 }, (_, i) => i * step);
}
