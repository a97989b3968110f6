import { asset } from "../place";
import { texts } from "../texts";

type OnFiles = (files: File[]) => void;

async function open(file: string, onFiles: OnFiles) {
  const found = await fetch(asset(`examples/${file}`));
  onFiles([new File([await found.blob()], file, { type: "image/jpeg" })]);
}

/** Pictures to try that are answered rightly. */
export function Examples({ onFiles }: { onFiles: OnFiles }) {
  return (
    <section className="examples" aria-labelledby="examples">
      <h2 id="examples">{texts.intake.examples}</h2>
      <p className="quiet small-print">{texts.intake.examplesNote}</p>
      <ul>
        {texts.examples.map((one) => <li key={one.file}><Example {...one} onFiles={onFiles} /></li>)}
      </ul>
    </section>
  );
}

/** One that goes unnoticed, to be tried where it is told that such things happen. */
export function Missed({ onFiles }: { onFiles: OnFiles }) {
  return (
    <div className="examples missed">
      <p>{texts.wrong.missedExample}</p>
      <Example {...texts.missed} onFiles={onFiles} />
    </div>
  );
}

function Example({ file, title, note, onFiles }: { file: string; title: string; note: string; onFiles: OnFiles }) {
  return (
    <button type="button" onClick={() => void open(file, onFiles)}>
      <span className={`close-up ${file === "group.jpg" ? "wide-up" : ""}`}><img src={asset(`examples/${file}`)} alt="" width="512" height="512" /></span>
      <span className="words">
        <strong>{title}</strong>
        <small>{note}</small>
      </span>
    </button>
  );
}
