import classes from "./Wordmark.module.css";

/** The name, its first letter a bridge over the canal: an arch, its reflection, and a lamp. */
export function Wordmark({ height = 22 }: { height?: number }) {
  return (
    <svg className={classes.wordmark} width={(height * 126) / 34} height={height} viewBox="0 0 126 34" role="img" aria-label="Otaru">
      <g fill="none" stroke="currentColor" strokeWidth="4" strokeLinecap="round" strokeLinejoin="round">
        <g className={classes.water}>
          <path d="M3 18.5a11 11 0 0 1 22 0" />
          <path d="M3 24h22" opacity="0.7" />
          <path d="M8.6 29.5h10.8" opacity="0.42" />
        </g>
        <path d="M37 4v18.5q0 7 6.5 7h2.5M31.5 10.5h14" />
        <circle cx="62.5" cy="20" r="9.5" />
        <path d="M72 10.5v19" />
        <path d="M82.5 29.5v-19M82.5 19q0-8.5 9-8.5" />
        <path d="M100 10.5v10.5q0 8.5 9 8.5t9-8.5v-10.5M118 20v9.5" />
      </g>
      <circle className={classes.lamp} cx="14" cy="16.6" r="2.6" />
    </svg>
  );
}
