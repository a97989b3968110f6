import { useEffect, useRef } from "react";
import type { Report } from "../api/client";
import { percent } from "../format";
import { texts } from "../texts";

/** The answer in words, for the whole picture or video. */
export function Verdict({ name, report, kept }: { name: string; report: Report; kept: boolean }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus({ preventScroll: true }), []);
  const { label, p_fake: p, reasons } = report.verdict;
  const told = isPartial(report) ? reasons.slice(1) : reasons; // the first stands in the headline
  const words = texts.verdict[label];
  const moved = report.thresholds.source === "user";
  return (
    <section className={`verdict ${label}`}>
      <p className="file-name" title={name}>{name}</p>
      <p className={`badge ${label}`}>{words.word}</p>
      <h1 ref={heading} tabIndex={-1}>{headline(report)}</h1>
      <p className="counts">
        {counts(report)}
        {p !== null && <>; {texts.highest(percent(p))}</>}
      </p>
      <p>{texts.means[moved && label === "fake" ? "moved" : label === "real" && count(report, "uncertain") ? "mixed" : label]}</p>
      {told.map((reason) => <p key={reason} className="reason">{sentence(reason)}</p>)}
      {report.warnings.map((warning) => <p key={warning} className="reason">{sentence(warning)}</p>)}
      {moved && label !== "fake" && <p className="reason">{texts.face.moved}</p>}
      {kept && <p className="quiet small-print">{texts.history.small}</p>}
    </section>
  );
}

/** Longer reasons stand below the headline. */
const SHORT = 60;

/** Whether the answer is less than a yes or no, and says why in few words. */
function isPartial({ verdict: { label, reasons } }: Report): boolean {
  return (label === "uncertain" || label === "real") && reasons.length > 0 && reasons[0]!.length <= SHORT;
}

/** The answer in a line, with what it rests on where that is part of it: "only 1 of 111 faces could be judged". */
export function headline(report: Report): string {
  const { label, reasons } = report.verdict;
  const { title } = texts.verdict[label];
  if (label === "fake" && report.faces.length > 1) return texts.some(count(report, "fake"), report.faces.length, report.video !== null);
  return isPartial(report) ? texts.because(title, label, reasons[0]!) : title;
}

export function counts(report: Report): string {
  return (report.video ? texts.people : texts.counts)(report.faces.length, count(report, "fake"), count(report, "uncertain"));
}

function count(report: Report, label: string): number {
  return report.faces.filter((face) => face.verdict.label === label).length;
}

export function sentence(text: string): string {
  return text ? text[0]!.toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".") : "";
}
