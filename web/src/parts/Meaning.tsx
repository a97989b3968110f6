import type { Report } from "../api/client";
import { percent } from "../format";
import { texts } from "../texts";
import { Part } from "./Part";

export function Meaning({ report }: { report: Report }) {
  const p = report.verdict.p_fake;
  return (
    <>
      {p !== null && (
        <Part className="card plain" title={texts.meaning.title}>
          <p>{texts.meaning.text(percent(p))} <a href="#wrong">{texts.nav.wrong}</a></p>
        </Part>
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
