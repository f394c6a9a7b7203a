import classes from "./Chart.module.css";

interface ChartLegendProps {
  /** Each with the name of its colour, and how it is drawn: as a line without a word. */
  parts: readonly { label: string; color: string; as?: "area" | "dashes" }[];
}

/** What is what in a chart. */
export function ChartLegend({ parts }: ChartLegendProps) {
  return (
    <ul className={classes.legend}>
      {parts.map(({ label, color, as }) => (
        <li key={label}>
          <span className={classes.swatch} data-as={as} style={{ "--fill": `var(${color})` }} />
          {label}
        </li>
      ))}
    </ul>
  );
}
