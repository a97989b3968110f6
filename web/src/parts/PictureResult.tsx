import { useCallback, useState } from "react";
import type { Face, Reach } from "../api/client";
import { MANY } from "../faces";
import { css, ramp } from "../mesh/colour";
import type { Ink } from "../mesh/draw";
import { placeMesh } from "../mesh/topology";
import { texts } from "../texts";
import { FULL, FaceCards } from "./FaceCards";
import { Meaning } from "./Meaning";
import type { ResultProps } from "./Result";
import { Origin } from "./Origin";
import { Part, useSmall } from "./Part";
import { Save } from "./Save";
import { Stage } from "./Stage";
import { Verdict, noteOf } from "./Verdict";
import { Viewers } from "./Viewers";
import { useImage } from "./useImage";

export function PictureResult({ item, models, onRemove }: ResultProps) {
  const report = item.judgement!.report;
  const [ink, setInk] = useState<Ink>({ opacity: 1, byProbability: true });
  const [compare, setCompare] = useState<number | null>(null);
  const [reach, setReach] = useState<Reach>({});
  const [chosen, setChosen] = useState<number | null>(null);
  const image = useImage(item.shown);

  const many = report.faces.length > MANY, below = report.faces.length > FULL;
  const choose = useCallback((face: Face) => {
    setChosen(face.number);
    if (!many) document.getElementById(`face-${face.number}`)?.scrollIntoView({ behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth", block: "nearest" });
  }, [many]);
  const more = (
    <>
      {!item.here && <Viewers judgement={item.judgement!} onReach={setReach} />}
      <Origin report={report} shown={item.shown} />
      {report.faces.length > 0 && <Meaning report={report} />}
    </>
  );
  return (
    <article className={`result ${many ? "group" : ""}`}>
      <Verdict name={item.name} report={report} note={noteOf(item)} />
      <div className="picture">
        {(image || !item.shown) && <Stage name={item.name} image={image} report={report} ink={ink} compare={compare} onCompare={setCompare} chosen={chosen} onChoose={choose} />}
        <Controls report={report} ink={ink} onInk={setInk} compare={compare} onCompare={setCompare} />
        <Save item={item} models={models} opacity={ink.opacity} reach={reach} onRemove={onRemove} />
      </div>
      <div className="cards">
        <FaceCards report={report} image={image} ink={ink} chosen={chosen} onChoose={setChosen} />
        {!below && more}
      </div>
      {below && <div className="more">{more}</div>}
    </article>
  );
}

interface ControlProps {
  report: ResultReport;
  ink: Ink;
  onInk: (ink: Ink) => void;
  compare: number | null;
  onCompare: (position: number | null) => void;
}
type ResultReport = NonNullable<ResultProps["item"]["judgement"]>["report"];

function Controls({ report, ink, onInk, compare, onCompare }: ControlProps) {
  const small = useSmall();
  const fakes = report.faces.filter((face) => face.verdict.label === "fake");
  if (!fakes.length) {
    const unsure = report.faces.some((face) => face.verdict.label === "uncertain");
    return report.faces.length ? <p className="controls quiet">{texts.stage.nothing} {unsure && texts.stage.dashes}</p> : null;
  }
  const settings = (
    <>
      <label className="slide">
        <span>{texts.stage.opacity}</span>
        <input type="range" min={0} max={100} value={Math.round(100 * ink.opacity)} onChange={(event) => onInk({ ...ink, opacity: Number(event.target.value) / 100 })} />
        <output>{Math.round(100 * ink.opacity)} %</output>
      </label>
      <div className="switches">
        <Switch label={texts.stage.byProbability} on={ink.byProbability} onTurn={(byProbability) => onInk({ ...ink, byProbability })} />
        <Switch label={texts.stage.compare} on={compare !== null} onTurn={(on) => onCompare(on ? 50 : null)} />
      </div>
    </>
  );
  return (
    <div className="controls">
      {small ? <Part className="card plain" title={texts.stage.settings}>{settings}</Part> : settings}
      {ink.byProbability && (
        <p className="legend">
          <span>{texts.stage.legend}</span><Ramp /><span>{texts.stage.legendSure}</span>
          <small>{texts.stage.pattern}</small>
        </p>
      )}
      {fakes.some((face) => placeMesh(face).approximate) && <p className="quiet small-print">{texts.stage.approximate}</p>}
    </div>
  );
}

/** The colours of the mesh, and beside them how its lines grow denser and wider: nobody needs to see colours. */
function Ramp() {
  const at = Array.from({ length: 14 }, (_, i) => 150 * (1 - (1 - i / 14) ** 1.7));
  return (
    <svg className="ramp" viewBox="0 0 150 12" width="150" height="12" aria-hidden="true">
      {at.map((x, i) => <path key={x} d={`M${x + 1} 12L${x + 5} 0`} strokeWidth={0.8 + (2.2 * i) / 14} stroke={css(ramp(i / 13))} />)}
    </svg>
  );
}

function Switch({ label, on, onTurn }: { label: string; on: boolean; onTurn: (on: boolean) => void }) {
  return (
    <label className="switch">
      <input type="checkbox" role="switch" checked={on} onChange={(event) => onTurn(event.target.checked)} />
      <span>{label}</span>
    </label>
  );
}
