import { useId, type ReactNode } from "react";
import classes from "./Panel.module.css";

interface PanelProps {
  title: string;
  /** Where a link of this page can jump to. */
  id?: string;
  /** Beside the title, on the right. */
  aside?: ReactNode;
  children: ReactNode;
}

/** A titled part of a page. */
export function Panel({ title, id: anchor, aside, children }: PanelProps) {
  const id = useId();
  return (
    <section id={anchor} className={classes.panel} aria-labelledby={id}>
      <header className={classes.header}>
        <h2 id={id} className={classes.title}>
          {title}
        </h2>
        {aside}
      </header>
      <div className={classes.body}>{children}</div>
    </section>
  );
}
