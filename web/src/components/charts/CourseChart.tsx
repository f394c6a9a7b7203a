import { useMemo } from "react";
import uPlot from "uplot";
import type { FinishBand } from "../../api/model";
import { formatPercent } from "../../format/number";
import { horizonOf, type Course } from "../../rollout/foresight";
import { Plot, type Drawing } from "./Plot";

interface CourseChartProps {
  course: Course;
  /** When the campaign ends; null when every run halted. */
  finish: FinishBand | null;
}

/** The share of the vehicles that is at an end over time, as a band; and when the campaign ends, as another. */
export function CourseChart({ course, finish }: CourseChartProps) {
  const data = useMemo<uPlot.AlignedData>(() => [course.times, course.fast, course.slow, course.middle], [course]);
  const drawing = useMemo<Drawing>(() => {
    const end = finish === null ? [] : [finish.p10_at, finish.p50_at, finish.p90_at].map((at) => Date.parse(at) / 1000);
    const [from, to] = [course.times[0] ?? 0, horizonOf(course, finish)];
    return ({ color, axis, timeAxis }) => {
      const water = color("--otaru-water");
      const points = { show: false };
      return {
        scales: { x: { time: true, range: () => [from, to + (to - from) * 0.03] }, y: { range: () => [0, 1.05] } },
        axes: [timeAxis, { ...axis, size: 52, incrs: [0.25], values: (_, ticks) => ticks.map((tick) => formatPercent(tick)) }],
        series: [
          {},
          { stroke: "transparent", points },
          { stroke: "transparent", points },
          { stroke: water, width: 2, points },
        ],
        bands: [{ series: [1, 2], fill: `${water}33` }],
        hooks: {
          drawClear: [
            (plot) => {
              drawEnd(plot, end, color("--state-installed"));
            },
          ],
        },
      };
    };
  }, [course, finish]);
  return <Plot data={data} drawing={drawing} beside={undefined} height={220} />;
}

/** Where the ends of eight runs in ten lie, and the one in their middle. */
function drawEnd(plot: uPlot, [early, middle, late]: readonly number[], color: string): void {
  if (early === undefined || middle === undefined || late === undefined) return;
  const { ctx, bbox } = plot;
  const at = (time: number) => plot.valToPos(time, "x", true);
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.fillStyle = `${color}2b`;
  ctx.fillRect(at(early), bbox.top, Math.max(at(late) - at(early), devicePixelRatio), bbox.height);
  ctx.fillStyle = color;
  ctx.fillRect(at(middle) - devicePixelRatio, bbox.top, 2 * devicePixelRatio, bbox.height);
  ctx.restore();
}
