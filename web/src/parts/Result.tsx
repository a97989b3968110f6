import { useEffect, useRef } from "react";
import type { Models } from "../api/client";
import { problemText } from "../App";
import type { Item } from "../items";
import { texts } from "../texts";
import { PictureResult } from "./PictureResult";
import { VideoResult } from "./VideoResult";

export interface ResultProps {
  item: Item;
  models: Models | null;
  onCancel: () => void;
  onAgain: () => void;
  onRemove: () => void;
}

/** Share of the work after which its speed is taken for known. */
const TOLD_FROM = 0.05;

/** One file: its progress, what went wrong, or its judgement. */
export function Result(props: ResultProps) {
  const { item } = props;
  if (item.stage === "done" && item.judgement) {
    return item.kind === "video" ? <VideoResult {...props} /> : <PictureResult {...props} />;
  }
  if (item.stage === "failed" || item.stage === "cancelled") return <Ended {...props} />;
  return <Progress {...props} />;
}

function Progress({ item, onCancel }: ResultProps) {
  const words = texts.progress;
  const told =
    item.waitS > 0 ? words.busy(Math.ceil(item.waitS))
    : item.stage === "waiting" ? words.waiting
    : item.stage === "loading" ? texts.here.loading(`${Math.round(100 * item.progress)} %`)
    : item.stage === "sending" ? words.sending(`${Math.round(100 * item.progress)} %`)
    : (words.stages[item.note] ?? words.judging);
  const known = item.stage === "sending" || item.stage === "loading" || item.kind === "video";
  const left = useTimeLeft(item.kind === "video" && item.stage === "judging" ? item.progress : null);
  return (
    <section className="progress" aria-busy="true">
      {item.kind === "picture" && item.shown && (
        <div className="scanned"><img src={item.shown} alt={item.name} /></div>
      )}
      <h1>{item.name}</h1>
      <progress aria-label={item.name} max={1} {...(known && { value: item.progress })} />
      <p role="timer">{told}{left !== null && `; ${texts.progress.left(left)}`}</p>
      <button type="button" onClick={onCancel}>{words.cancel}</button>
    </section>
  );
}

/** Seconds that the rest will take at the speed so far; null until that can be told. */
function useTimeLeft(progress: number | null): number | null {
  const first = useRef<{ at: number; progress: number } | null>(null);
  if (progress === null) first.current = null;
  else if (progress > 0) first.current ??= { at: performance.now(), progress };
  const from = first.current;
  if (progress === null || !from || progress - from.progress < TOLD_FROM) return null;
  const took = (performance.now() - from.at) / 1000;
  return Math.max(1, Math.round((took * (1 - progress)) / (progress - from.progress)));
}

function Ended({ item, onAgain, onRemove }: ResultProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  const problem = item.problem;
  return (
    <section className={`notice ${problem ? "bad" : ""}`} role={problem ? "alert" : undefined}>
      <h1 ref={heading} tabIndex={-1}>{problem ? texts.problems.title : texts.progress.cancelled}</h1>
      <p><strong>{item.name}</strong></p>
      {problem && <p>{problemText(problem)}</p>}
      {problem?.hint && <p>{problem.hint}.</p>}
      {problem && <p className="quiet small-print">{texts.problems.code} <code>{problem.code}</code></p>}
      <div className="row">
        {problem?.code !== "media.too_large" && <button type="button" className="main" onClick={onAgain}>{texts.progress.again}</button>}
        <button type="button" onClick={onRemove}>{texts.progress.close}</button>
      </div>
    </section>
  );
}
