import { useEffect, useRef } from "react";
import type { Report } from "../api/client";
import { clock, percent } from "../format";
import type { Item } from "../items";
import { texts } from "../texts";

/** What is shown of a result that this visit did not make. */
export function noteOf(item: Item): string {
  if (item.here && !item.kept) return texts.here.done;
  if (item.stored && !item.shown && item.kind === "picture") return texts.shared.noPicture;
  return item.kept && item.shown ? texts.history.small : "";
}

/** The answer in words, for the whole picture or video. */
export function Verdict({ name, report, note }: { name: string; report: Report; note: string }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus({ preventScroll: true }), []);
  const { label, p_fake: p, reasons } = report.verdict;
  const told = isPartial(report) ? reasons.slice(1) : reasons; // the first stands in the headline
  const words = texts.verdict[label];
  const moved = report.thresholds.source === "user";
  return (
    <section className={`verdict ${label}`}>
      <div className="verdict-head">
        <p className="file-name" title={name}>{name}</p>
        <p className={`badge ${label}`}>{words.word}</p>
        <h1 ref={heading} tabIndex={-1}>{headline(report)}</h1>
        <p className="counts">
          {counts(report)}
          {p !== null && <>; {texts.highest(percent(p))}</>}
        </p>
        {report.video && <p className="clip-length">{texts.video.length(clock(report.video.duration_s), report.video.frames_examined, report.video.frames)}</p>}
      </div>
      <div className="told">
        <p>{texts.means[moved && label === "fake" ? "moved" : label === "real" && count(report, "uncertain") ? "mixed" : label]}</p>
        {told.map((reason) => <p key={reason} className="reason">{sentence(reason)}</p>)}
        {report.warnings.map((warning) => <p key={warning} className="reason">{sentence(warning)}</p>)}
        {moved && label !== "fake" && <p className="reason">{texts.face.moved}</p>}
        {note && <p className="quiet small-print">{note}</p>}
      </div>
    </section>
  );
}

/** Longer reasons stand below the headline. */
const SHORT = 60;

/** Whether the answer is less than a yes or no, and says why in few words. */
function isPartial({ verdict: { label, reasons } }: Report): boolean {
  return (label === "uncertain" || label === "real") && reasons.length > 0 && reasons[0]!.length <= SHORT;
}

/** The answer in a line, with what it rests on where that is part of it: "only 1 of 111 faces could be judged", "1 of 9 faces stands out". */
export function headline(report: Report): string {
  const { label, reasons } = report.verdict;
  const { title } = texts.verdict[label];
  if (label === "fake" && report.faces.length > 1) return texts.some(count(report, "fake"), report.faces.length, report.video !== null);
  const out = report.faces.filter((face) => label === "uncertain" && face.neighbours?.one_in && face.verdict.label !== "fake").length;
  if (out) return texts.outstanding(out, report.faces.length);
  return isPartial(report) ? texts.because(title, label, texts.service(reasons[0]!)) : title;
}

export function counts(report: Report): string {
  return (report.video ? texts.people : texts.counts)(report.faces.length, count(report, "fake"), count(report, "uncertain"));
}

function count(report: Report, label: string): number {
  return report.faces.filter((face) => face.verdict.label === label).length;
}

/** A sentence of the service's, in the language of the page as far as it is known. */
export function sentence(said: string): string {
  const text = texts.service(said);
  return text ? text[0]!.toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".") : "";
}
