import type { Report } from "../api/client";
import { texts } from "../texts";
import { Part } from "./Part";

interface Signal {
  says: string;
  text: string;
}
interface Found {
  signals?: Signal[];
  contradictions?: string[];
  label_text?: string | null;
  digital_source_type?: string | null;
  thumbnail?: { jpeg: string | null; width: number; height: number } | null;
}

const MOST_NOTES = 20; // as in the other forms

/** What the file says of its origin: signals beside the score, never part of it; in the order of the other forms. */
export function Origin({ report, shown = null }: { report: Report; shown?: string | null }) {
  const found = report.provenance as Found | null;
  if (!found) return null;
  const signals = found.signals ?? [];
  const telling = signals.filter((signal) => signal.says !== "technical");
  const technical = signals.filter((signal) => signal.says === "technical");
  const inside = found.thumbnail;
  const isTelling = telling.length > 0 || (found.contradictions ?? []).length > 0; // never folded away
  const notes = [
    ...(found.contradictions ?? []).map((text) => ({ text: texts.origin.against(texts.service(text)), strong: true })),
    ...(telling.length ? telling.map(({ text }) => texts.service(text)) : [texts.origin.unknown]).map((text) => ({ text, strong: false })),
  ];
  return (
    <Part className="card plain origin" title={texts.origin.title} hint={isTelling ? null : texts.origin.unknown.split(":")[0]!} open={isTelling}>
      <ul>
        {notes.slice(0, MOST_NOTES).map(({ text, strong }) => <li key={text}>{strong ? <strong>{text}</strong> : text}</li>)}
        {notes.length > MOST_NOTES && <li>{texts.origin.more(notes.length - MOST_NOTES)}</li>}
        {technical.length > 0 && <li className="quiet">{technical.map(({ text }) => texts.service(text)).join(" ")}</li>}
      </ul>
      {inside?.jpeg && (
        <figure>
          <div className="side-by-side">
            <img src={`data:image/jpeg;base64,${inside.jpeg}`} alt={texts.origin.inside} />
            {shown && <img src={shown} width={inside.width} height={inside.height} alt={texts.origin.atThatSize} />}
          </div>
          <figcaption className="quiet small-print">{shown ? texts.origin.both : texts.origin.inside}</figcaption>
        </figure>
      )}
      {found.label_text && <p>{texts.origin.label} <strong>{texts.service(found.label_text)}</strong>{found.digital_source_type && ` (${found.digital_source_type})`}.</p>}
      <p className="quiet small-print">{texts.origin.note}</p>
    </Part>
  );
}
