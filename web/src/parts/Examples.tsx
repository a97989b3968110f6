import { texts } from "../texts";

export function Examples({ onFiles }: { onFiles: (files: File[]) => void }) {
  const open = async (file: string) => {
    const found = await fetch(`/examples/${file}`);
    onFiles([new File([await found.blob()], file, { type: "image/jpeg" })]);
  };
  return (
    <section className="examples" aria-labelledby="examples">
      <h2 id="examples">{texts.intake.examples}</h2>
      <p className="quiet small-print">{texts.intake.examplesNote}</p>
      <ul>
        {texts.examples.map(({ file, title, note }) => (
          <li key={file}>
            <button type="button" onClick={() => void open(file)}>
              <span className="close-up"><img src={`/examples/${file}`} alt="" width="512" height="512" /></span>
              <span className="words">
                <strong>{title}</strong>
                <small>{note}</small>
              </span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
