/** What all charts have in common: the page's colours, and axes of times and of numbers. */

import type uPlot from "uplot";
import { formatClock, formatMoment } from "../../format/time";

export interface ChartStyle {
  color: (name: string) => string;
  font: string;
  /** Times along the bottom. */
  timeAxis: uPlot.Axis;
  axis: uPlot.Axis;
}

/** Below this, in seconds, an axis tells seconds. */
const SHORT = 300;

/** As `element` is drawn now; light and dark differ. */
export function chartStyle(element: HTMLElement): ChartStyle {
  const style = getComputedStyle(element);
  const color = (name: string) => style.getPropertyValue(name).trim();
  const font = `11px ${style.fontFamily}`;
  const axis = { stroke: color("--otaru-quiet"), font, grid: { stroke: color("--otaru-line"), width: 1 }, ticks: { show: false } };
  const timeAxis: uPlot.Axis = {
    ...axis,
    grid: { show: false },
    size: 30,
    space: 90,
    values: (plot, ticks) => {
      const [from = 0, to = 0] = [plot.scales.x?.min, plot.scales.x?.max];
      const label = to - from < SHORT ? formatClock : (at: number) => formatMoment(at, Date.now());
      return ticks.map((tick) => label(tick * 1000));
    },
  };
  return { color, font, axis, timeAxis };
}

/** Whole numbers that an axis may count in. */
export const COUNTS = [1, 2, 5].flatMap((one) => Array.from({ length: 13 }, (_, power) => one * 10 ** power)).sort((a, b) => a - b);
