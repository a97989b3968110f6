import { useEffect, useRef, useState } from "react";
import type { Face, Report } from "../api/client";
import { percent } from "../format";
import { drawReport, type Ink } from "../mesh/draw";
import { texts } from "../texts";
import { wordFor } from "./FaceCards";
import { counts } from "./Verdict";

interface Props {
  name: string;
  image: HTMLImageElement;
  report: Report;
  ink: Ink;
  compare: number | null;
  onCompare: (position: number) => void;
  chosen: number | null;
  onChoose: (face: Face) => void;
}

/** The picture with the mesh over it. */
export function Stage({ name, image, report, ink, compare, onCompare, chosen, onChoose }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const width = useWidth(canvas);
  useEffect(() => {
    const drawn = canvas.current;
    if (!drawn || !width) return;
    const dense = Math.min(3, devicePixelRatio || 1);
    const scale = (width * dense) / report.width;
    drawn.width = Math.round(width * dense);
    drawn.height = Math.round(report.height * scale);
    drawReport(drawn.getContext("2d")!, report, ink, { scale });
  }, [width, report, ink]);

  const ratio = report.width / report.height;
  return (
    <div className="frame" style={{ aspectRatio: `${report.width} / ${report.height}`, maxWidth: `calc(66vh * ${ratio})` }}>
      <img src={image.src} alt={texts.stage.alt(name, counts(report))} />
      <canvas ref={canvas} aria-hidden="true" style={compare === null ? undefined : { clipPath: `inset(0 0 0 ${compare}%)` }} />
      {report.faces.map((face) => (
        <Spot key={face.number} face={face} report={report} chosen={chosen === face.number} onChoose={() => onChoose(face)} />
      ))}
      {compare !== null && (
        <>
          <span className="side before" aria-hidden="true">{texts.stage.before}</span>
          <span className="side after" aria-hidden="true">{texts.stage.after}</span>
          <div className="divider" style={{ left: `${compare}%` }} aria-hidden="true" />
          <input className="compare" type="range" min={0} max={100} value={compare} aria-label={texts.stage.comparePosition} onChange={(event) => onCompare(Number(event.target.value))} />
        </>
      )}
    </div>
  );
}

function Spot({ face, report, chosen, onChoose }: { face: Face; report: Report; chosen: boolean; onChoose: () => void }) {
  const [x0, y0, x1, y1] = face.box as [number, number, number, number];
  const { label, p_fake: p } = face.verdict;
  const style = {
    left: `${(100 * x0) / report.width}%`,
    top: `${(100 * y0) / report.height}%`,
    width: `${(100 * (x1 - x0)) / report.width}%`,
    height: `${(100 * (y1 - y0)) / report.height}%`,
  };
  const number = p === null ? null : percent(p);
  return (
    <button
      type="button"
      className={`spot ${label}`}
      style={style}
      aria-pressed={chosen}
      aria-label={texts.stage.face(face.number, wordFor(face).toLowerCase(), number)}
      onClick={onChoose}
    >
      <span className="spot-tag" aria-hidden="true">
        {face.number}{label === "fake" && number && <b>{number}</b>}{label === "uncertain" && <b>?</b>}
      </span>
    </button>
  );
}

/** The width an element has on the page, as it changes. */
export function useWidth(element: React.RefObject<HTMLElement | SVGElement | null>): number {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const watched = element.current;
    if (!watched) return;
    const observer = new ResizeObserver(() => setWidth(watched.clientWidth));
    observer.observe(watched);
    return () => observer.disconnect();
  }, [element]);
  return width;
}
