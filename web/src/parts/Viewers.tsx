import { useEffect, useId, useState } from "react";
import * as api from "../api/client";
import { problemText } from "../App";
import { texts } from "../texts";
import { Part } from "./Part";

const fields = () => [
  { name: "views", label: texts.viewers.views, hint: texts.viewers.viewsHint, step: 1 },
  { name: "followers", label: texts.viewers.followers, hint: texts.viewers.followersHint, step: 1 },
  { name: "engagement_rate", label: texts.viewers.rate, hint: texts.viewers.rateHint, step: 0.001 },
] as const;
const PAUSE_MS = 300;

/** What viewers can be told, and, once somebody says how far a post goes, how much harm it can do. */
export function Viewers({ judgement, onReach }: { judgement: api.Judgement; onReach: (reach: api.Reach) => void }) {
  const [reach, setReach] = useState<api.Reach>({});
  const p = judgement.report.verdict.p_fake;
  const impact = useImpact(p, reach);
  const warnings = judgement.viewer_warnings;
  const id = useId();
  if (p === null && !warnings.length) return null;

  const told = warnings.map((warning) => ({ ...warning, ...texts.viewers.warnings[warning.kind] }));
  const change = (name: keyof api.Reach, text: string) => {
    const { [name]: _, ...others } = reach;
    const changed = text === "" ? others : { ...others, [name]: Number(text) };
    setReach(changed);
    onReach(changed);
  };
  return (
    <Part className="card plain viewers" title={texts.viewers.title} hint={told.map(({ title }) => `${title}.`).join(" ")}>
      {told.map(({ kind, title, text }) => <p key={kind}><strong>{title}.</strong> {text}</p>)}
      <p role="status" className="impact">{impact}</p>
      {p !== null && (
        <details>
          <summary>{texts.viewers.ask}</summary>
          <p className="quiet small-print">{texts.viewers.why}</p>
          {fields().map(({ name, label, hint, step }) => (
            <p key={name} className="reach">
              <label htmlFor={`${id}-${name}`}>{label}</label>
              <input
                id={`${id}-${name}`} type="number" inputMode="decimal" min={0} step={step}
                aria-describedby={`${id}-${name}-hint`} onChange={(event) => change(name, event.target.value)}
              />
              <small id={`${id}-${name}-hint`} className="quiet">{hint}</small>
            </p>
          ))}
        </details>
      )}
    </Part>
  );
}

/** The impact in the service's words, or what it has against the reach; asked for once the typing rests. */
function useImpact(p: number | null, reach: api.Reach): string {
  const [told, setTold] = useState("");
  useEffect(() => {
    if (p === null || !Object.keys(reach).length) return setTold("");
    const control = new AbortController();
    const ask = async () => {
      try {
        const { text } = await api.impactOf(p, reach, control.signal);
        setTold(text && texts.viewers.impact(texts.service(text)));
      } catch (error) {
        if (control.signal.aborted) return;
        if (!(error instanceof api.Refusal)) throw error;
        setTold(`${problemText(error.problem)} ${error.problem.hint}`);
      }
    };
    const timer = setTimeout(() => void ask(), PAUSE_MS);
    return () => {
      clearTimeout(timer);
      control.abort();
    };
  }, [p, reach]);
  return told;
}
