import { useEffect, useId, useRef, useState, type ReactNode } from "react";

/** As wide as style.css has one column. */
const SMALL = "(max-width: 900px)";

interface Props {
  title: string;
  /** What is told beside the title while it is folded. */
  hint?: string | null;
  className: string;
  /** Whether it is open on small screens, too. */
  open?: boolean;
  children: ReactNode;
}

/** Whether the screen was small when the part appeared; turning a phone changes nothing of what was opened. */
export function useSmall(): boolean {
  return useState(() => matchMedia(SMALL).matches)[0];
}

/** A part of the page under its title; on small screens it is folded, and opened to be printed. */
export function Part({ title, hint = null, className, open = false, children }: Props) {
  const small = useSmall();
  const fold = useRef<HTMLDetailsElement>(null);
  const id = useId();
  useEffect(() => {
    const unfold = () => { if (fold.current) fold.current.open = true; };
    addEventListener("beforeprint", unfold);
    return () => removeEventListener("beforeprint", unfold);
  }, []);
  if (!small) {
    return (
      <section className={className} aria-labelledby={id}>
        <h2 id={id}>{title}</h2>
        {children}
      </section>
    );
  }
  return (
    <details ref={fold} className={`${className} part`} open={open}>
      <summary><h2>{title}</h2>{hint && <span>{hint}</span>}</summary>
      {children}
    </details>
  );
}
