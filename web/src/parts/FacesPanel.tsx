import { memo, useEffect, useMemo, useRef, useState } from "react";
import type { Face, Report } from "../api/client";
import { SORTS, ranked, sortOf, type Sort } from "../faces";
import { percent } from "../format";
import { useLanguage } from "../lang";
import { texts } from "../texts";
import { wordFor } from "./FaceCards";
import { useSmall } from "./Part";

const CROP_PX = 64;
/** How much is cut out around a face, in widths of the face. */
const AROUND = 1.35;
/** Beyond so many, small screens show two rows until all are asked for. */
const FEW = 10;
/** Time for crops in one frame of the screen; the others follow in the next. */
const BUDGET_MS = 8;

interface Props {
  report: Report;
  image: HTMLImageElement | null;
  chosen: number | null;
  onChoose: (number: number) => void;
}

/** The faces of a group as small pictures, the rarest scores first. */
export function FacesPanel({ report, image, chosen, onChoose }: Props) {
  const [only, setOnly] = useState<Sort | null>(null);
  const [all, setAll] = useState(!useSmall());
  const list = useRef<HTMLUListElement>(null);
  const sorted = useMemo(() => ranked(report.faces), [report]);
  const shown = only ? sorted.filter((face) => sortOf(face) === only) : sorted;
  const present = SORTS.map((sort) => [sort, sorted.filter((face) => sortOf(face) === sort).length] as const).filter(([, n]) => n > 0);
  const entry = shown.some((face) => face.number === chosen) ? chosen : shown[0]?.number;
  useCrops(list, shown, image, report);

  return (
    <section className="card faces" aria-labelledby="faces">
      <h2 id="faces">{(report.video ? texts.people : texts.counts)(sorted.length, 0, 0)}</h2>
      <p className="quiet small-print">{texts.group.order}</p>
      <div className="filters" role="group" aria-label={texts.group.show}>
        <button type="button" aria-pressed={only === null} onClick={() => setOnly(null)}>{texts.group.all} <b>{sorted.length}</b></button>
        {present.map(([sort, count]) => (
          <button key={sort} type="button" className={sort} aria-pressed={only === sort} onClick={() => setOnly(sort)}>
            {texts.group.sorts[sort]} <b>{count}</b>
          </button>
        ))}
      </div>
      <ul ref={list} className={`crops-of-all ${all ? "all" : ""}`} onKeyDown={(event) => step(event, list.current!)}>
        {shown.map((face) => (
          <Thumb key={face.number} face={face} chosen={face.number === chosen} reached={face.number === entry} pictured={image !== null} onChoose={onChoose} />
        ))}
      </ul>
      {!all && shown.length > FEW && <button type="button" className="show-all" onClick={() => setAll(true)}>{texts.group.showAll(shown.length)}</button>}
    </section>
  );
}

interface ThumbProps {
  face: Face;
  chosen: boolean;
  reached: boolean;
  /** Whether there is a picture to cut it out of; else it has its number. */
  pictured: boolean;
  onChoose: (number: number) => void;
}

const Thumb = memo(function Thumb({ face, chosen, reached, pictured, onChoose }: ThumbProps) {
  useLanguage(); // else it keeps its words
  const p = face.verdict.p_fake;
  const told = p === null ? null : percent(p);
  return (
    <li>
      <button
        type="button" className={`thumb ${sortOf(face)}`} aria-pressed={chosen} tabIndex={reached ? 0 : -1}
        aria-label={texts.stage.face(face.number, wordFor(face).toLowerCase(), told)} title={texts.stage.face(face.number, wordFor(face).toLowerCase(), told)}
        onClick={() => onChoose(face.number)}
      >
        {pictured ? <canvas width={CROP_PX} height={CROP_PX} data-number={face.number} /> : <b>{face.track ?? face.number}</b>}
        <span aria-hidden="true">{told ?? "–"}</span>
      </button>
    </li>
  );
});

/** One of the small pictures is reached with Tab, the others with the arrow keys, Home and End. */
function step(event: React.KeyboardEvent, list: HTMLElement): void {
  const all = [...list.querySelectorAll<HTMLElement>("button")];
  const at = all.indexOf(document.activeElement as HTMLElement);
  if (at < 0) return;
  const row = all.filter((one) => one.offsetTop === all[0]!.offsetTop).length;
  const by: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -row, ArrowDown: row, Home: -at, End: all.length - 1 - at };
  const move = by[event.key];
  if (move === undefined) return;
  event.preventDefault();
  const next = all[at + move];
  if (!next) return;
  for (const one of all) one.tabIndex = one === next ? 0 : -1;
  next.focus();
}

/** Draw the crops a few at a time, so that no frame waits for all of them. */
function useCrops(list: React.RefObject<HTMLElement | null>, shown: readonly Face[], image: HTMLImageElement | null, report: Report): void {
  const drawn = useRef(new WeakSet<HTMLCanvasElement>());
  useEffect(() => {
    if (!image || !list.current) return;
    const left = [...list.current.querySelectorAll("canvas")].filter((canvas) => !drawn.current.has(canvas));
    const faces = new Map(shown.map((face) => [face.number, face]));
    let frame = 0;
    const some = () => {
      const began = performance.now();
      while (left.length && performance.now() - began < BUDGET_MS) {
        const canvas = left.shift()!;
        crop(canvas, faces.get(Number(canvas.dataset.number))!, image, report);
        drawn.current.add(canvas);
      }
      if (left.length) frame = requestAnimationFrame(some);
    };
    frame = requestAnimationFrame(some);
    return () => cancelAnimationFrame(frame);
  }, [shown.length, shown[0], image, report]); // eslint-disable-line
}

export function crop(canvas: HTMLCanvasElement, face: Face, image: HTMLImageElement, report: Report): void {
  const [x0, y0, x1, y1] = face.box as [number, number, number, number];
  const share = image.naturalWidth / report.width;
  const side = AROUND * Math.max(x1 - x0, y1 - y0) * share;
  canvas.width = canvas.height = CROP_PX * Math.min(2, devicePixelRatio || 1);
  const context = canvas.getContext("2d")!;
  context.imageSmoothingQuality = "high";
  context.drawImage(image, (share * (x0 + x1) - side) / 2, (share * (y0 + y1) - side) / 2, side, side, 0, 0, canvas.width, canvas.height);
}
