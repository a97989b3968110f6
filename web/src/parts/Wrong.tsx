import { useState, type ReactNode } from "react";
import type { ModelInfo, Models } from "../api/client";
import { share } from "../format";
import { texts } from "../texts";
import { Missed } from "./Examples";

export type Measured = ModelInfo["measured"][number];

const UNSEEN = "validation_B";
/** The rates on faces that chose nothing about the model; null where its card has none. */
export function measuredOf(model: ModelInfo): Measured | null {
  return model.measured.find((one) => one.on === UNSEEN) ?? null;
}

/** How often the model in use is wrong, from its card. */
export function Wrong({ models, folded, onFiles }: { models: Models | null; folded: boolean; onFiles: (files: File[]) => void }) {
  const model = models?.models.find((one) => one.in_use);
  const measured = model ? measuredOf(model) : null;
  const words = texts.wrong;
  const degraded = model?.measured.find((one) => one.on === `${UNSEEN}_degraded`);
  return (
    <Fold folded={folded} measured={measured}>
      {!model && <p>{words.loading}</p>}
      {model && !measured && <p>{words.none}</p>}
      {model && measured && (
        <>
          <p className="lead">{words.lead(model.reference)}</p>
          <div className="grids">
            <Hundred
              title={words.genuine} note={words.genuineNote(measured.real_faces)} wrong={words.alarm}
              fake={measured.real_called_fake} real={measured.real_called_real} wrongSide="fake"
            />
            <Hundred
              title={words.manipulated} note={words.genuineNote(measured.fake_faces)} wrong={words.missed}
              fake={measured.fake_called_fake} real={measured.fake_called_real} wrongSide="real"
            />
          </div>
          {degraded && <p className="quiet">{words.degraded(share(degraded.real_called_fake), share(degraded.fake_called_fake))}</p>}
          <div className="columns">
            <Bayes measured={measured} />
            <Sources measured={measured} />
          </div>
        </>
      )}
      {model && model.limits.length > 0 && (
        <details>
          <summary>{words.limits}</summary>
          <ul>{model.limits.map((limit) => <li key={limit}>{limit}</li>)}</ul>
          <Missed onFiles={onFiles} />
          <p className="quiet">{words.licence}: {model.licence}</p>
        </details>
      )}
    </Fold>
  );
}

/** Below a result only the two rates are shown at first; a link to #wrong opens the rest. */
function Fold({ folded, measured, children }: { folded: boolean; measured: Measured | null; children: ReactNode }) {
  const words = texts.wrong;
  if (!folded) {
    return (
      <section id="wrong" className="wrong" aria-labelledby="wrong-title" tabIndex={-1}>
        <h2 id="wrong-title">{words.title}</h2>
        {children}
      </section>
    );
  }
  return (
    <details className="wrong folded">
      <summary>
        <h2>{words.title}</h2>
        {measured && <span className="quiet">{words.short(share(measured.real_called_fake), share(measured.fake_called_fake))}</span>}
      </summary>
      <div id="wrong" tabIndex={-1}>{children}</div>
    </details>
  );
}

interface HundredProps {
  title: string;
  note: string;
  wrong: string;
  fake: number;
  real: number;
  wrongSide: "fake" | "real";
}

/** A hundred faces as dots. */
function Hundred({ title, note, wrong, fake, real, wrongSide }: HundredProps) {
  const words = texts.wrong;
  const fakes = Math.round(100 * fake);
  const reals = Math.round(100 * real);
  const kinds = Array.from({ length: 100 }, (_, i) => (i < fakes ? "fake" : i < 100 - reals ? "uncertain" : "real"));
  const rows = [["fake", fake], ["uncertain", 1 - fake - real], ["real", real]] as const;
  return (
    <div className="hundred">
      <h3>{title} <small className="quiet">({note})</small></h3>
      <div className="dots" aria-hidden="true">
        {kinds.map((kind, i) => <i key={i} className={kind} />)}
      </div>
      <ul>
        {rows.map(([kind, p]) => (
          <li key={kind}>
            <i className={kind} aria-hidden="true" /> <strong>{share(p)}</strong> {words.called[kind]}
            {kind === wrongSide && <em> ({wrong})</em>}
          </li>
        ))}
      </ul>
    </div>
  );
}

/** What an alarm is worth depends on how many fakes there are. */
function Bayes({ measured }: { measured: Measured }) {
  const words = texts.wrong;
  const [fakes, setFakes] = useState(5);
  const hits = (fakes / 100) * measured.fake_called_fake;
  const alarms = (1 - fakes / 100) * measured.real_called_fake;
  const right = Math.round((100 * hits) / (hits + alarms));
  return (
    <div className="bayes">
      <h3>{words.bayes}</h3>
      <label className="slide">
        <span>{words.bayesAsk}</span>
        <input type="range" min={1} max={99} value={fakes} onChange={(event) => setFakes(Number(event.target.value))} />
        <output>{words.bayesShare(fakes)}</output>
      </label>
      <p className="answer" role="status">{hits + alarms > 0 && words.bayesAnswer(right, 100 - right)}</p>
      <p className="quiet small-print">{words.bayesNote}</p>
    </div>
  );
}

function Sources({ measured }: { measured: Measured }) {
  const words = texts.wrong;
  const found = Object.entries(measured.found_by_source).sort(([, a], [, b]) => b - a);
  if (!found.length) return null;
  return (
    <div className="sources kinds">
      <h3>{words.bySource}</h3>
      <ul>
        {found.map(([source, p]) => (
          <li key={source}>
            <span>{words.sources[source] ?? source}</span>
            <span className="bar" aria-hidden="true"><i style={{ width: `${100 * p}%` }} /></span>
            <span className="number">{share(p)}</span>
          </li>
        ))}
      </ul>
      <p className="quiet small-print">{words.bySourceNote}</p>
    </div>
  );
}
