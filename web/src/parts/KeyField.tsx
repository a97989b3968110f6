import { useState } from "react";
import { key } from "../api/client";
import { texts } from "../texts";

export function KeyField({ onKey }: { onKey: () => Promise<void> }) {
  const [text, setText] = useState("");
  const [tried, setTried] = useState(Boolean(key.get()));
  return (
    <form
      className="notice"
      onSubmit={(event) => {
        event.preventDefault();
        key.set(text.trim());
        void onKey().then(() => setTried(true));
      }}
    >
      <h2>{texts.key.title}</h2>
      <label htmlFor="key">{texts.key.label}</label>
      <div className="row">
        <input id="key" type="password" autoComplete="off" required value={text} onChange={(event) => setText(event.target.value)} aria-describedby="key-note" />
        <button type="submit" className="main">{texts.key.save}</button>
      </div>
      {tried && <p role="alert" className="error">{texts.key.wrong}</p>}
      <p id="key-note" className="quiet small-print">{texts.key.note}</p>
    </form>
  );
}
