import { texts } from "../texts";

export function Rules() {
  const words = texts.rules;
  return (
    <section className="rules" aria-labelledby="rules">
      <h2 id="rules">{words.title}</h2>
      <div className="columns">
        {(["do", "dont"] as const).map((side) => (
          <div key={side} className={side}>
            <h3>{side === "do" ? words.doTitle : words.dontTitle}</h3>
            <ul>{words[side].map((line) => <li key={line}>{line}</li>)}</ul>
          </div>
        ))}
      </div>
    </section>
  );
}
