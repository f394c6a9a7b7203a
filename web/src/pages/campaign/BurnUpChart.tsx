import { useMemo } from "react";
import uPlot from "uplot";
import type { Wave } from "../../api/model";
import { Plot, type Drawing } from "../../components/charts/Plot";
import { COUNTS } from "../../components/charts/style";
import { formatCount } from "../../format/number";
import { text } from "../../i18n";
import type { Series } from "../../rollout/burnUp";
import type { Course } from "../../rollout/foresight";

const HEIGHT = 240;

interface ChartProps {
  series: Series;
  waves: readonly Wave[];
  members: number;
  /** What is forecast, if anything is. */
  ahead: Course | undefined;
}

/** The chart itself, in a file of its own so that its library is loaded only where it is drawn. */
export function BurnUpChart({ series, waves, members, ahead }: ChartProps) {
  const beside = useMemo<Shown>(() => ({ waves, ahead }), [waves, ahead]);
  const drawing = useMemo(() => drawn(members), [members]);
  const data = useMemo<uPlot.AlignedData>(() => [series.times, series.open, series.installed, series.otherwise], [series]);
  return <Plot data={data} drawing={drawing} beside={beside} height={HEIGHT} />;
}

/** What the drawing reads anew each time. */
interface Shown {
  waves: readonly Wave[];
  ahead: Course | undefined;
}

function drawn(members: number): Drawing<Shown> {
  return ({ color, font, axis, timeAxis }, beside) => {
    const [quiet, line] = [color("--otaru-quiet"), color("--otaru-line")];
    const stepped = uPlot.paths.stepped?.({ align: 1 });
    const points = { show: false };
    const [installed, failed] = [color("--state-installed"), color("--state-failed")];
    return {
      cursor: { points: { size: 6 }, y: false, drag: { x: false, y: false } },
      scales: {
        x: { time: true, range: (_, from, to) => [from, horizon(from, to, beside().ahead)] },
        y: { range: () => [0, Math.max(1, members) * 1.14] },
      },
      axes: [timeAxis, { ...axis, size: 52, incrs: COUNTS, values: (_, ticks) => ticks.map((tick) => formatCount(tick)) }],
      series: [
        {},
        { stroke: quiet, width: 1.5, dash: [5, 4], points, ...(stepped ? { paths: stepped } : {}) },
        { stroke: installed, width: 2.25, fill: `${installed}22`, points },
        { stroke: failed, width: 2, fill: `${failed}22`, points },
      ],
      hooks: {
        drawClear: [
          (plot) => {
            drawAhead(plot, beside().ahead, members, color("--otaru-water"));
          },
        ],
        draw: [
          (plot) => {
            drawOpenings(plot, beside().waves, quiet, line, font);
          },
        ],
      },
    };
  };
}

/** As far ahead as it has run so far, and no further than the forecast: what has happened keeps at least half of the width. */
function horizon(from: number, to: number, ahead: Course | undefined): number {
  const last = ahead?.times.at(-1) ?? to;
  return Math.max(to, Math.min(last, to + (to - from)));
}

/** How many vehicles eight forecasts in ten have at an end, from the last of what is known on. */
function drawAhead(plot: uPlot, ahead: Course | undefined, members: number, color: string): void {
  if (ahead === undefined) return;
  const { ctx, bbox } = plot;
  const at = (index: number, share: number) =>
    [plot.valToPos(ahead.times[index] ?? 0, "x", true), plot.valToPos(share * members, "y", true)] as const;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.beginPath();
  ahead.fast.forEach((share, index) => {
    ctx.lineTo(...at(index, share));
  });
  ahead.slow.toReversed().forEach((share, index) => {
    ctx.lineTo(...at(ahead.slow.length - 1 - index, share));
  });
  ctx.closePath();
  ctx.fillStyle = `${color}33`;
  ctx.fill();
  ctx.beginPath();
  ahead.middle.forEach((share, index) => {
    ctx.lineTo(...at(index, share));
  });
  ctx.strokeStyle = color;
  ctx.lineWidth = 1.5 * devicePixelRatio;
  ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
  ctx.stroke();
  ctx.restore();
}

/** A line where each wave opened, with its number at the top. */
function drawOpenings(plot: uPlot, waves: readonly Wave[], stroke: string, line: string, font: string): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.lineWidth = devicePixelRatio;
  ctx.font = font.replace(/\d+px/, `${11 * devicePixelRatio}px`);
  ctx.textAlign = "left";
  ctx.textBaseline = "top";
  let free = -Infinity;
  for (const wave of waves) {
    if (wave.opened_at == null) continue;
    const x = plot.valToPos(Date.parse(wave.opened_at) / 1000, "x", true);
    ctx.strokeStyle = line;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    const label = text().campaign.waveOpens(wave.number);
    const width = ctx.measureText(label).width;
    // Labels that would cover each other are left out; the lines stay.
    if (x < free || x + width > bbox.left + bbox.width) continue;
    ctx.fillStyle = stroke;
    ctx.fillText(label, x + 4 * devicePixelRatio, bbox.top);
    free = x + width + 12 * devicePixelRatio;
  }
  ctx.restore();
}
