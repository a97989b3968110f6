import type { Report } from "../api/client";
import { texts } from "../texts";

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
  const notes = [
    ...(found.contradictions ?? []).map((text) => ({ text: texts.origin.against(text), strong: true })),
    ...(telling.length ? telling.map(({ text }) => text) : [texts.origin.unknown]).map((text) => ({ text, strong: false })),
  ];
  return (
    <section className="card plain origin" aria-labelledby="origin-title">
      <h2 id="origin-title">{texts.origin.title}</h2>
      <ul>
        {notes.slice(0, MOST_NOTES).map(({ text, strong }) => <li key={text}>{strong ? <strong>{text}</strong> : text}</li>)}
        {notes.length > MOST_NOTES && <li>{texts.origin.more(notes.length - MOST_NOTES)}</li>}
        {technical.length > 0 && <li className="quiet">{technical.map((signal) => signal.text).join(" ")}</li>}
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
      {found.label_text && <p>{texts.origin.label} <strong>{found.label_text}</strong>{found.digital_source_type && ` (${found.digital_source_type})`}.</p>}
      <p className="quiet small-print">{texts.origin.note}</p>
    </section>
  );
}
