import { useEffect, useRef, useState, type ReactNode } from "react";
import type { Face, Report } from "../api/client";
import { MANY, ranked, sortOf } from "../faces";
import { part, percent } from "../format";
import { drawReport, type Ink } from "../mesh/draw";
import { texts } from "../texts";
import { FacesPanel, crop } from "./FacesPanel";
import { useSmall } from "./Part";
import { ScoreScale } from "./ScoreScale";
import { sentence } from "./Verdict";

/** Faces up to which all cards are shown in full; of more only one is open. */
export const FULL = 3;
const CROP_PX = 190;

interface Props {
  report: Report;
  image: HTMLImageElement | null;
  ink: Ink | null;
  chosen: number | null;
  onChoose: (number: number) => void;
  extra?: (face: Face, index: number) => ReactNode;
}

/** A card per face, the most suspicious first; of some rows, one of them open; of many the small pictures, and the card of one. */
export function FaceCards({ report, image, ink, chosen, onChoose, extra }: Props) {
  const sorted = ranked(report.faces);
  const many = sorted.length > MANY;
  const first = sorted[0] && sortOf(sorted[0]) === "suspicious" ? sorted[0].number : null;
  const rows = !many && sorted.length > FULL;
  const [closed, setClosed] = useState<number | null>(null);
  useEffect(() => setClosed(null), [chosen]);
  const open = chosen ?? (sorted[0] && sortOf(sorted[0]) !== "genuine" ? sorted[0].number : null);
  const turn = (face: Face) => {
    const isOpen = face.number === open && closed !== open;
    setClosed(isOpen ? face.number : null);
    if (!isOpen) onChoose(face.number);
  };
  const shown = many ? sorted.filter((face) => face.number === (chosen ?? first)) : sorted;
  return (
    <>
      {many && <FacesPanel report={report} image={image} chosen={chosen} onChoose={onChoose} />}
      {shown.map((face) => (
        <FaceCard
          key={face.number} face={face} report={report} chosen={chosen === face.number} onChoose={() => onChoose(face.number)}
          row={rows ? { open: face.number === open && closed !== open, image, onTurn: () => turn(face) } : null}
        >
          {image && ink && <Crops face={face} report={report} image={image} ink={ink} />}
          {extra?.(face, report.faces.indexOf(face))}
        </FaceCard>
      ))}
      {many && !shown.length && <p className="quiet">{texts.group.choose}</p>}
    </>
  );
}

interface CardProps {
  face: Face;
  report: Report;
  chosen: boolean;
  onChoose: () => void;
  /** Where the card is one of several rows: whether it is open, and what turns it. */
  row: { open: boolean; image: HTMLImageElement | null; onTurn: () => void } | null;
  children: ReactNode;
}

function FaceCard({ face, report, chosen, onChoose, row, children }: CardProps) {
  const { label, p_fake: p } = face.verdict;
  const words = texts.face;
  const title = report.video ? words.person(face.track ?? face.number) : words.title(face.number);
  const told = (
    <>
      <span className={`tag ${label}`}>{wordFor(face)}</span>
      {p !== null && <span className="card-p"><span className="quiet">{words.score}</span> {percent(p)}</span>}
    </>
  );
  return (
    <section
      id={`face-${face.number}`} className={`card ${label} ${chosen ? "chosen" : ""} ${row && !row.open ? "closed" : ""}`}
      aria-labelledby={`face-${face.number}-title`} onClick={row ? undefined : onChoose}
    >
      {row ? (
        <h2 id={`face-${face.number}-title`}>
          <button type="button" className="card-head" aria-expanded={row.open} onClick={row.onTurn}>
            {row.image && <Small face={face} report={report} image={row.image} />}
            {title} {told}
          </button>
        </h2>
      ) : (
        <div className="card-head">
          <h2 id={`face-${face.number}-title`}>{title}</h2>
          {told}
        </div>
      )}
      {(!row || row.open) && (
        <>
          {p !== null && <ScoreScale p={p} thresholds={report.thresholds} />}
          <CardBody face={face} report={report}>{children}</CardBody>
        </>
      )}
    </section>
  );
}

/** The face beside its row's title. */
function Small({ face, report, image }: { face: Face; report: Report; image: HTMLImageElement }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => crop(canvas.current!, face, image, report), [face, image, report]);
  return <canvas ref={canvas} aria-hidden="true" />;
}

function CardBody({ face, report, children }: { face: Face; report: Report; children: ReactNode }) {
  const words = texts.face;
  return (
    <>
      {children}
      <h3>{words.why}</h3>
      <ul className="why">
        {why(face, report).map((line) => <li key={line}>{line}</li>)}
      </ul>
      {face.verdict.label !== "real" && face.score?.kinds && <Kinds kinds={face.score.kinds} />}
      <Figures face={face} />
    </>
  );
}

/** What a face is called in a word: one between the lines may stand out from the others. */
export function wordFor(face: Face): string {
  const { label } = face.verdict;
  return label === "uncertain" && face.neighbours?.one_in ? texts.face.standsOut : texts.verdict[label].word;
}

/** How rare a score is among genuine faces; null where nobody knows, and of faces that are called real. */
export function rarityOf(face: Face): string | null {
  const rarity = face.verdict.label === "real" ? null : face.rarity;
  return rarity ? texts.face.rarity(rarity.measured_on, rarity.one_in) : null;
}

/** The reasons in the report, and what its numbers say. */
export function why(face: Face, report: Report): string[] {
  const { label, p_fake: p, reasons } = face.verdict;
  const lines = report.thresholds;
  const because = texts.face.because;
  const said = reasons.map(sentence);
  if (p === null) said.push(texts.face.unscored);
  else if (label === "fake") said.push(because.fake(percent(p), percent(lines.fake)));
  else if (label === "real") said.push(because.real(percent(p), percent(lines.real)));
  else if (p > lines.real && p < lines.fake) said.push(because.uncertain(percent(p), percent(lines.real), percent(lines.fake)));
  const rare = rarityOf(face);
  if (rare) said.push(rare);
  if (face.weighed === false) said.push(texts.face.bystander);
  return said;
}

function Kinds({ kinds }: { kinds: Record<string, number> }) {
  const sorted = Object.entries(kinds).sort(([, a], [, b]) => b - a);
  const small = useSmall();
  const [most, share] = sorted[0]!;
  return (
    <details className="kinds part" open={!small}>
      <summary><h3>{texts.face.kinds}</h3><span>{texts.face.kind[most] ?? most}, {part(share)}</span></summary>
      <ul>
        {sorted.map(([kind, p]) => (
          <li key={kind}>
            <span>{texts.face.kind[kind] ?? kind}</span>
            <span className="bar" aria-hidden="true"><i style={{ width: `${100 * p}%` }} /></span>
            <span className="number">{part(p)}</span>
          </li>
        ))}
      </ul>
      <p className="quiet small-print">{texts.face.kindsNote}</p>
    </details>
  );
}

function Figures({ face }: { face: Face }) {
  const words = texts.face.figures;
  const score = face.score;
  const rows: [string, string | null][] = [
    [words.p, score ? score.p_fake.toFixed(6) : null],
    [words.logit, score ? score.logit.toFixed(4) : null],
    [words.size, `${(face.box[2]! - face.box[0]!).toFixed(0)} px`],
    [words.confidence, face.confidence.toFixed(3)],
    [words.presence, face.presence?.toFixed(3) ?? null],
    [words.printed, face.printed?.toFixed(3) ?? null],
    [words.rarity, face.rarity ? words.rarityRange(...(face.rarity.interval as [number, number])) : null],
    [words.model, score?.model ?? null],
  ];
  return (
    <details>
      <summary>{texts.face.details}</summary>
      <dl>
        {rows.map(([name, value]) => value !== null && (
          <div key={name}><dt>{name}</dt><dd>{value}</dd></div>
        ))}
      </dl>
    </details>
  );
}

/** The face as it is, and with what is drawn over it. */
function Crops({ face, report, image, ink }: { face: Face; report: Report; image: HTMLImageElement; ink: Ink }) {
  const plain = useRef<HTMLCanvasElement>(null);
  const drawn = useRef<HTMLCanvasElement>(null);
  const marked = face.verdict.label !== "real";
  useEffect(() => {
    const [x0, y0, x1, y1] = face.box as [number, number, number, number];
    const side = 1.35 * Math.max(x1 - x0, y1 - y0);
    const left = (x0 + x1 - side) / 2, top = (y0 + y1 - side) / 2;
    const share = image.naturalWidth / report.width;
    for (const canvas of [plain.current, drawn.current]) {
      if (!canvas) continue;
      canvas.width = canvas.height = CROP_PX * Math.min(2, devicePixelRatio || 1);
      const context = canvas.getContext("2d")!;
      context.imageSmoothingQuality = "high";
      context.drawImage(image, left * share, top * share, side * share, side * share, 0, 0, canvas.width, canvas.height);
    }
    const canvas = drawn.current;
    if (!canvas) return;
    const layer = document.createElement("canvas"); // drawing clears real faces, and must not clear the picture
    [layer.width, layer.height] = [canvas.width, canvas.height];
    drawReport(layer.getContext("2d")!, report, ink, { scale: canvas.width / side, left, top });
    canvas.getContext("2d")!.drawImage(layer, 0, 0);
  }, [face, report, image, ink]);
  return (
    <div className="crops" aria-hidden="true">
      <canvas ref={plain} />
      {marked && <canvas ref={drawn} />}
    </div>
  );
}
