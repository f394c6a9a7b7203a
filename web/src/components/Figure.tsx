import type { ReactNode } from "react";
import classes from "./Figure.module.css";

/** Numbers beside each other, to be read at a glance. */
export function Figures({ children }: { children: ReactNode }) {
  return <div className={classes.figures}>{children}</div>;
}

interface FigureProps {
  value: string;
  label: string;
  detail: string;
  bad?: boolean;
}

export function Figure({ value, label, detail, bad = false }: FigureProps) {
  return (
    <div className={classes.figure} data-bad={bad}>
      <span>{label}</span>
      <strong>{value}</strong>
      <small>{detail}</small>
    </div>
  );
}
