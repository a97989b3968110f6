import type { ReactNode } from "react";
import { SITE } from "../place";
import { texts } from "../texts";
import { Examples } from "./Examples";
import { MeanFace } from "./MeanFace";

export function Landing({ children, onFiles }: { children: ReactNode; onFiles: (files: File[]) => void }) {
  return (
    <>
      <section className="hero">
        <div className="hero-words">
          <h1>{texts.intro.title}</h1>
          <p className="lead">{SITE ? texts.here.intro : texts.intro.text}</p>
          {children}
        </div>
        <MeanFace />
      </section>
      <Examples onFiles={onFiles} />
    </>
  );
}
