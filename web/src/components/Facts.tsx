import type { ReactNode } from "react";
import page from "../pages/Page.module.css";

/** Terms with what they stand for. */
export function Facts({ children }: { children: ReactNode }) {
  return <dl className={page.facts}>{children}</dl>;
}

export function Fact({ term, children }: { term: string; children: ReactNode }) {
  return (
    <>
      <dt>{term}</dt>
      <dd>{children}</dd>
    </>
  );
}

export function Chips({ words }: { words: readonly string[] }) {
  return (
    <span className={page.chips}>
      {words.map((word) => (
        <span key={word} className={page.chip}>
          {word}
        </span>
      ))}
    </span>
  );
}
