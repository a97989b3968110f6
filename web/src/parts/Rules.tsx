import { texts } from "../texts";
import { Part } from "./Part";

/** What to do with an answer, and what not; below one it may be folded. */
export function Rules({ folded }: { folded: boolean }) {
  const words = texts.rules;
  return (
    <Part className="rules" title={words.title} open={!folded}>
      <div className="columns">
        {(["do", "dont"] as const).map((side) => (
          <div key={side} className={side}>
            <h3>{side === "do" ? words.doTitle : words.dontTitle}</h3>
            <ul>{words[side].map((line) => <li key={line}>{line}</li>)}</ul>
          </div>
        ))}
      </div>
    </Part>
  );
}
