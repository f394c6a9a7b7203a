import { useMemo } from "react";
import uPlot from "uplot";
import { Plot, type Drawing } from "./Plot";
import { COUNTS } from "./style";

interface LoadChartProps {
  /** The beginnings of the spans and the end of the last, in seconds since 1970. */
  times: readonly number[];
  middle: readonly number[];
  busy: readonly number[];
  format: (amount: number) => string;
  /** The colour's name. */
  color: string;
}

/** What falls into each span of time: a step each, the middle of the runs before what nine in ten stay below. */
export function LoadChart({ times, middle, busy, format, color }: LoadChartProps) {
  const data = useMemo<uPlot.AlignedData>(() => {
    // A step lasts to the next time, so the last one is told again at its end.
    const lasting = (values: readonly number[]) => [...values, values.at(-1) ?? 0];
    return [[...times], lasting(busy), lasting(middle)];
  }, [times, middle, busy]);
  const drawing = useMemo<Drawing>(() => {
    const most = Math.max(1, ...busy);
    const paths = uPlot.paths.stepped?.({ align: 1 });
    return ({ color: colorOf, axis, timeAxis }) => {
      const stroke = colorOf(color);
      const step = { points: { show: false }, ...(paths ? { paths } : {}) };
      return {
        scales: { x: { time: true, range: (_, from, to) => [from, to] }, y: { range: () => [0, most * 1.1] } },
        axes: [timeAxis, { ...axis, size: 62, space: 36, incrs: COUNTS, values: (_, ticks) => ticks.map(format) }],
        series: [
          {},
          { ...step, stroke: `${stroke}66`, width: 1, fill: `${stroke}26` },
          { ...step, stroke, width: 2 },
        ],
      };
    };
  }, [busy, format, color]);
  return <Plot data={data} drawing={drawing} beside={undefined} height={170} />;
}
