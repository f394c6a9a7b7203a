import type { ReactNode } from "react";
import { text } from "../i18n";
import classes from "./Table.module.css";

interface TableProps {
  /** What it lists, for screen readers. */
  label: string;
  /** The header row's cells. */
  head: ReactNode;
  children: ReactNode;
  /** Narrower than this, in rem, it scrolls sideways. */
  minWidth?: number;
}

/** A plain table that scrolls sideways where it does not fit. */
export function Table({ label, head, children, minWidth = 40 }: TableProps) {
  return (
    <div className={classes.scroll} tabIndex={0} role="group" aria-label={text().common.scrolls(label)}>
      <table className={classes.table} style={{ minWidth: `${minWidth}rem` }}>
        <thead>
          <tr>{head}</tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

export const cell = { number: classes.number, time: classes.time, quiet: classes.quiet, wide: classes.wide };

/** A link that makes up a row's first cell. */
export const rowLink = classes.link;
