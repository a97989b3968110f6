import type { Report } from "../api/client";
import { percent } from "../format";
import { texts } from "../texts";

export function Meaning({ report }: { report: Report }) {
  const p = report.verdict.p_fake;
  return (
    <>
      {p !== null && (
        <section className="card plain">
          <h2>{texts.meaning.title}</h2>
          <p>{texts.meaning.text(percent(p))} <a href="#wrong">{texts.nav.wrong}</a></p>
        </section>
      )}
      {report.verdict.label !== "real" && (
        <details className="card plain accused">
          <summary>{texts.meaning.accused}</summary>
          <p>{texts.meaning.accusedText}</p>
        </details>
      )}
    </>
  );
}
