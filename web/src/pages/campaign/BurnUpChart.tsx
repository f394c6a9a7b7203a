import { useMemo } from "react";
import uPlot from "uplot";
import type { Wave } from "../../api/model";
import { Plot, type Drawing } from "../../components/charts/Plot";
import { COUNTS } from "../../components/charts/style";
import { formatCount } from "../../format/number";
import { gateLines, type Series } from "../../rollout/burnUp";
import type { Course } from "../../rollout/foresight";
import { drawCourse, drawGates, drawOpenings, drawPlanned, drawSlice } from "./burnUpMarks";

const HEIGHT = 260;

/** A span of time, in seconds since 1970. */
export interface Span {
  from: number;
  to: number;
}

/** What the course is held against: the plan's own course, or its end where only that is known. */
export interface Planned {
  course?: Course | undefined;
  end?: Span | undefined;
}

interface ChartProps {
  series: Series;
  waves: readonly Wave[];
  members: number;
  /** What is forecast, if anything is. */
  ahead: Course | undefined;
  /** By the first forecast. */
  planned: Planned;
  /** The part whose vehicles are listed. */
  slice: Span | undefined;
  /** Somebody chose a moment, in seconds since 1970. */
  choose: (time: number) => void;
}

/** The chart itself, in a file of its own so that its library is loaded only where it is drawn. */
export function BurnUpChart({ series, waves, members, ahead, planned, slice, choose }: ChartProps) {
  const beside = useMemo<Shown>(() => ({ waves, ahead, planned, slice, choose }), [waves, ahead, planned, slice, choose]);
  const states = series.exits.map((one) => one.state).join(" ");
  const drawing = useMemo(() => drawn(members, states === "" ? [] : states.split(" ")), [members, states]);
  const data = useMemo<uPlot.AlignedData>(() => {
    // The exits lie on each other, the highest sum first.
    const stacked = series.exits.map((_, at) =>
      series.times.map((_time, index) => series.exits.slice(0, at + 1).reduce((sum, one) => sum + (one.sums[index] ?? 0), 0)),
    );
    return [series.times, series.open, series.installed, ...stacked.reverse()];
  }, [series]);
  return <Plot data={data} drawing={drawing} beside={beside} height={HEIGHT} />;
}

/** What the drawing reads anew each time. */
interface Shown {
  waves: readonly Wave[];
  ahead: Course | undefined;
  planned: Planned;
  slice: Span | undefined;
  choose: (time: number) => void;
}

function drawn(members: number, states: readonly string[]): Drawing<Shown> {
  return ({ color, font, axis, timeAxis }, beside) => {
    const [quiet, line, water] = [color("--otaru-quiet"), color("--otaru-line"), color("--otaru-water")];
    const stepped = uPlot.paths.stepped?.({ align: 1 });
    const points = { show: false };
    const installed = color("--state-installed");
    const exits = [...states].reverse().map((state) => color(`--state-${state.replace("_", "-")}`));
    return {
      cursor: { points: { size: 6 }, y: false, drag: { x: false, y: false } },
      scales: {
        x: { time: true, range: (_, from, to) => [from, horizon(from, to, beside())] },
        y: { range: () => [0, Math.max(1, members) * 1.14] },
      },
      axes: [timeAxis, { ...axis, size: 52, incrs: COUNTS, values: (_, ticks) => ticks.map((tick) => formatCount(tick)) }],
      series: [
        {},
        { stroke: quiet, width: 1.5, dash: [5, 4], points, ...(stepped ? { paths: stepped } : {}) },
        { stroke: installed, width: 2.25, fill: `${installed}22`, points },
        ...exits.map((stroke, at) => ({ stroke, width: 2, points, ...(at === exits.length - 1 ? { fill: `${stroke}44` } : {}) })),
      ],
      bands: exits.slice(0, -1).map((stroke, at): uPlot.Band => ({ series: [at + 3, at + 4], fill: `${stroke}44` })),
      hooks: {
        ready: [
          (plot) => {
            plot.over.addEventListener("click", () => {
              const { left } = plot.cursor;
              if (left !== undefined && left >= 0) beside().choose(plot.posToVal(left, "x"));
            });
          },
        ],
        drawClear: [
          (plot) => {
            drawSlice(plot, beside().slice, water);
            drawPlanned(plot, beside().planned.end, members, quiet, font);
            drawCourse(plot, beside().planned.course, members, quiet);
            drawCourse(plot, beside().ahead, members, water);
          },
        ],
        draw: [
          (plot) => {
            drawGates(plot, gateLines(beside().waves), color("--otaru-lamp"), font);
            drawOpenings(plot, beside().waves, quiet, line, font);
          },
        ],
      },
    };
  };
}

/** As far ahead as it has run so far, and no further than the forecast, or a plan that fits: what has happened keeps half of the width. */
function horizon(from: number, to: number, { ahead, planned }: Shown): number {
  const plan = planned.course?.times.at(-1) ?? to;
  const last = Math.max(ahead?.times.at(-1) ?? to, plan - to <= to - from ? plan : to);
  return Math.max(to, Math.min(last, to + (to - from)));
}
