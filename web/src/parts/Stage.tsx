import { memo, useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { Face, Report } from "../api/client";
import { MANY, isDirection, nextTo, ranked, type Box } from "../faces";
import { percent } from "../format";
import { useLanguage } from "../lang";
import { drawReport, type Ink } from "../mesh/draw";
import { texts } from "../texts";
import { WHOLE, brought, flownTo, type View } from "../view";
import { wordFor } from "./FaceCards";
import { Icon } from "./Icon";
import { useView, type Viewing } from "./useView";
import { counts } from "./Verdict";

interface Props {
  name: string;
  /** Null where only the figures are known. */
  image: HTMLImageElement | null;
  report: Report;
  ink: Ink;
  compare: number | null;
  onCompare: (position: number) => void;
  chosen: number | null;
  onChoose: (face: Face) => void;
}

const PAN = { ArrowLeft: [-0.2, 0], ArrowRight: [0.2, 0], ArrowUp: [0, -0.2], ArrowDown: [0, 0.2] } as const;

/** The picture with the mesh over it, to be enlarged and moved. */
export function Stage({ name, image, report, ink, compare, onCompare, chosen, onChoose }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const many = report.faces.length > MANY;
  const { canvas, sheets, size, viewing } = useSheets(frame, report, ink, many);
  const clicked = useRef<number | null>(null);
  const ratio = report.width / report.height;

  const choose = useCallback((face: Face) => {
    clicked.current = face.number;
    onChoose(face);
  }, [onChoose]);
  const approach = useCallback((face: Face) => viewing.go(brought(shares(face, report), viewing.current.current, size), true), [viewing.go, report, size]);

  useEffect(() => { // a face that was chosen beside the picture is flown to
    const face = report.faces.find((one) => one.number === chosen);
    if (face && many && clicked.current !== chosen) viewing.go(flownTo(shares(face, report), viewing.current.current, size, viewing.most), true);
    clicked.current = null;
  }, [chosen]); // eslint-disable-line

  return (
    <>
      <div
        ref={frame} tabIndex={0} role="group" aria-label={texts.stage.keys}
        className={`frame ${image ? "" : "bare"} ${viewing.settled.zoom > 1 ? "enlarged" : ""}`}
        style={{ aspectRatio: `${report.width} / ${report.height}`, maxWidth: `calc(var(--frame-height) * ${ratio})` }}
        onKeyDown={(event) => keys(event, viewing)}
      >
        <div className="sheet" ref={(sheet) => void (sheets.current[0] = sheet)}>
          {image && <img src={image.src} alt={texts.stage.alt(name, counts(report))} draggable={false} />}
        </div>
        <div className="drawn" style={compare === null ? undefined : { clipPath: `inset(0 0 0 ${compare}%)` }}>
          <canvas ref={canvas} aria-hidden="true" />
        </div>
        <div className={`sheet spots ${many ? "many" : ""}`} ref={(sheet) => void (sheets.current[1] = sheet)}>
          <Spots report={report} chosen={chosen} many={many} onChoose={choose} onApproach={approach} />
        </div>
        {compare !== null && (
          <>
            <span className="side before" aria-hidden="true">{texts.stage.before}</span>
            <span className="side after" aria-hidden="true">{texts.stage.after}</span>
            <div className="divider" style={{ left: `${compare}%` }} aria-hidden="true" />
            <input className="compare" type="range" min={0} max={100} value={compare} aria-label={texts.stage.comparePosition} onChange={(event) => onCompare(Number(event.target.value))} />
          </>
        )}
      </div>
      <div className="zoom">
        {many && <p className="quiet small-print">{texts.stage.wheel}</p>}
        <Zoom viewing={viewing} />
      </div>
    </>
  );
}

function shares(face: Face, report: Report): Box {
  const [x0, y0, x1, y1] = face.box as [number, number, number, number];
  return [x0 / report.width, y0 / report.height, x1 / report.width, y1 / report.height];
}

function keys(event: React.KeyboardEvent, viewing: Viewing): void {
  if (event.ctrlKey || event.metaKey || event.altKey || (event.target as HTMLElement).tagName === "INPUT") return;
  const { key } = event;
  if (key === "+" || key === "=") viewing.step(1);
  else if (key === "-") viewing.step(-1);
  else if (key === "0" || (key === "Escape" && viewing.current.current.zoom > 1)) viewing.whole();
  else if (isDirection(key) && viewing.current.current.zoom > 1 && !(event.target as Element).closest(".spot")) viewing.pan(PAN[key][0], PAN[key][1]);
  else return;
  event.preventDefault();
}

/** What lies in the frame: the picture and its buttons, moved as they are, and the drawing, which is made anew for each view. */
function useSheets(frame: React.RefObject<HTMLDivElement | null>, report: Report, ink: Ink, many: boolean) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const sheets = useRef<(HTMLElement | null)[]>([]);
  const drawnAt = useRef<View>(WHOLE);
  const width = useWidth(frame);
  const size = useMemo(() => ({ width, height: (width * report.height) / report.width }), [width, report]);

  const onMove = useCallback((view: View) => {
    for (const sheet of sheets.current) {
      if (!sheet) continue;
      sheet.style.transform = view.zoom === 1 ? "" : `translate(${view.x}px, ${view.y}px) scale(${view.zoom})`;
      if (sheet.classList.contains("spots")) sheet.style.setProperty("--zoom", String(view.zoom));
    }
    const at = drawnAt.current, by = view.zoom / at.zoom;
    if (canvas.current) canvas.current.style.transform = `translate(${view.x - by * at.x}px, ${view.y - by * at.y}px) scale(${by})`;
  }, []);
  const onDraw = useCallback((view: View) => {
    const drawn = canvas.current;
    if (!drawn || !width) return;
    const dense = Math.min(3, devicePixelRatio || 1);
    const scale = (width * dense) / report.width;
    const [wide, high] = [Math.round(width * dense), Math.round(report.height * scale)];
    if (drawn.width !== wide || drawn.height !== high) [drawn.width, drawn.height] = [wide, high];
    const context = drawn.getContext("2d")!;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, wide, high);
    const unit = scale * view.zoom;
    drawReport(context, report, ink, { scale: unit, left: (-view.x * dense) / unit, top: (-view.y * dense) / unit });
    drawnAt.current = view;
    drawn.style.transform = "";
  }, [width, report, ink]);
  const viewing = useView({ frame, size, pictureWidth: report.width, freeWheel: many, onMove, onDraw });
  useEffect(() => onDraw(viewing.current.current), [onDraw]); // eslint-disable-line
  return { canvas, sheets, size, viewing };
}

function Zoom({ viewing }: { viewing: Viewing }) {
  const { zoom } = viewing.settled;
  return (
    <div className="zoom-buttons">
      <button type="button" aria-label={texts.stage.smaller} title={texts.stage.smaller} disabled={zoom <= 1} onClick={() => viewing.step(-1)}><Icon name="minus" /></button>
      <button type="button" aria-label={texts.stage.larger} title={texts.stage.larger} disabled={zoom >= viewing.most} onClick={() => viewing.step(1)}><Icon name="plus" /></button>
      {zoom > 1 && <button type="button" aria-label={texts.stage.whole} title={texts.stage.whole} onClick={viewing.whole}><Icon name="whole" /></button>}
    </div>
  );
}

interface SpotsProps {
  report: Report;
  chosen: number | null;
  many: boolean;
  onChoose: (face: Face) => void;
  onApproach: (face: Face) => void;
}

/** A button over each face; of many, one is reached with Tab and the others with the arrow keys. */
const Spots = memo(function Spots({ report, chosen, many, onChoose, onApproach }: SpotsProps) {
  const [at, setAt] = useState<number | null>(null);
  const entry = at ?? chosen ?? ranked(report.faces)[0]?.number;
  const go = (event: React.KeyboardEvent<HTMLElement>) => {
    const from = report.faces.find((face) => face.number === Number((event.target as HTMLElement).dataset.number));
    if (!many || !from || !isDirection(event.key)) return;
    event.preventDefault();
    const next = nextTo(from, report.faces, event.key);
    if (!next) return;
    setAt(next.number);
    onApproach(next);
    event.currentTarget.querySelector<HTMLElement>(`[data-number="${next.number}"]`)?.focus({ preventScroll: true });
  };
  return (
    <div className="all-spots" onKeyDown={go}>
      {report.faces.map((face) => (
        <Spot key={face.number} face={face} report={report} chosen={chosen === face.number} reached={!many || face.number === entry} onChoose={onChoose} />
      ))}
    </div>
  );
});

interface SpotProps {
  face: Face;
  report: Report;
  chosen: boolean;
  reached: boolean;
  onChoose: (face: Face) => void;
}

const Spot = memo(function Spot({ face, report, chosen, reached, onChoose }: SpotProps) {
  useLanguage(); // else it keeps its words
  const { label, p_fake: p } = face.verdict;
  const [x0, y0, x1, y1] = shares(face, report).map((share) => 100 * share) as [number, number, number, number];
  const number = p === null ? null : percent(p);
  return (
    <button
      type="button"
      className={`spot ${label}`}
      style={{ left: `${x0}%`, top: `${y0}%`, width: `${x1 - x0}%`, height: `${y1 - y0}%` }}
      data-number={face.number}
      tabIndex={reached ? 0 : -1}
      aria-pressed={chosen}
      aria-label={texts.stage.face(face.number, wordFor(face).toLowerCase(), number)}
      onClick={() => onChoose(face)}
    >
      <span className="spot-tag" aria-hidden="true">
        {face.number}{label === "fake" && number && <b>{number}</b>}{label === "uncertain" && <b>?</b>}
      </span>
    </button>
  );
});

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
