import { useEffect, useRef } from "react";
import type { Report } from "../api/client";
import { percent } from "../format";
import { texts } from "../texts";

/** The answer in words, for the whole picture or video. */
export function Verdict({ name, report, kept }: { name: string; report: Report; kept: boolean }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus({ preventScroll: true }), []);
  const { label, p_fake: p, reasons } = report.verdict;
  const words = texts.verdict[label];
  const moved = report.thresholds.source === "user";
  return (
    <section className={`verdict ${label}`}>
      <p className="file-name" title={name}>{name}</p>
      <p className={`badge ${label}`}>{words.word}</p>
      <h1 ref={heading} tabIndex={-1}>{words.title}</h1>
      <p className="counts">
        {counts(report)}
        {p !== null && <>; {texts.highest(percent(p))}</>}
      </p>
      <p>{texts.means[moved && label === "fake" ? "moved" : label]}</p>
      {reasons.map((reason) => <p key={reason} className="reason">{sentence(reason)}</p>)}
      {report.warnings.map((warning) => <p key={warning} className="reason">{sentence(warning)}</p>)}
      {moved && label !== "fake" && <p className="reason">{texts.face.moved}</p>}
      {kept && <p className="quiet small-print">{texts.history.small}</p>}
    </section>
  );
}

export function counts(report: Report): string {
  const count = (label: string) => report.faces.filter((face) => face.verdict.label === label).length;
  return (report.video ? texts.people : texts.counts)(report.faces.length, count("fake"), count("uncertain"));
}

export function sentence(text: string): string {
  return text ? text[0]!.toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".") : "";
}
