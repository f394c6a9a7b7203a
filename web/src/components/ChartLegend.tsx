import classes from "./Chart.module.css";

interface ChartLegendProps {
  /** Each with the name of its colour; an area where it is drawn as one. */
  parts: readonly { label: string; color: string; area?: boolean }[];
}

/** What is what in a chart. */
export function ChartLegend({ parts }: ChartLegendProps) {
  return (
    <ul className={classes.legend}>
      {parts.map(({ label, color, area = false }) => (
        <li key={label}>
          <span className={classes.swatch} data-area={area} style={{ "--fill": `var(${color})` }} />
          {label}
        </li>
      ))}
    </ul>
  );
}
