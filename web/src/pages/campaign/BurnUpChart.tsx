import { useComputedColorScheme } from "@mantine/core";
import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Wave } from "../../api/model";
import { formatCount } from "../../format/number";
import { formatClock, formatMoment } from "../../format/time";
import { text } from "../../i18n";
import type { Series } from "../../rollout/burnUp";

const HEIGHT = 240;

interface ChartProps {
  series: Series;
  waves: readonly Wave[];
  members: number;
}

/** The chart itself, in a file of its own so that its library is loaded only where it is drawn. */
export function BurnUpChart({ series, waves, members }: ChartProps) {
  const scheme = useComputedColorScheme("light");
  const frame = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot>(undefined);
  const opened = useRef<readonly Wave[]>(waves);
  const data = useRef<uPlot.AlignedData>([[]]);

  useEffect(() => {
    const element = frame.current;
    if (element === null) return;
    const plot = new uPlot(options(element, members, opened), data.current, element);
    chart.current = plot;
    const resize = new ResizeObserver(() => {
      plot.setSize({ width: element.clientWidth, height: HEIGHT });
    });
    resize.observe(element);
    return () => {
      resize.disconnect();
      plot.destroy();
      chart.current = undefined;
    };
  }, [scheme, members]);

  useEffect(() => {
    opened.current = waves;
    data.current = [series.times, series.open, series.installed, series.otherwise];
    chart.current?.setData(data.current);
  }, [series, waves, scheme, members]);

  return <div ref={frame} />;
}

function options(element: HTMLElement, members: number, waves: { current: readonly Wave[] }): uPlot.Options {
  const style = getComputedStyle(element);
  const color = (name: string) => style.getPropertyValue(name).trim();
  const [quiet, line] = [color("--otaru-quiet"), color("--otaru-line")];
  const font = `11px ${style.fontFamily}`;
  const axis = { stroke: quiet, font, grid: { stroke: line, width: 1 }, ticks: { show: false } };
  const stepped = uPlot.paths.stepped?.({ align: 1 });
  const points = { show: false };
  const [installed, failed] = [color("--state-installed"), color("--state-failed")];
  return {
    width: element.clientWidth,
    height: HEIGHT,
    cursor: { points: { size: 6 }, y: false, drag: { x: false, y: false } },
    legend: { show: false },
    scales: { x: { time: true }, y: { range: () => [0, Math.max(1, members) * 1.14] } },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 30,
        space: 90,
        values: (plot, ticks) => {
          const [from = 0, to = 0] = [plot.scales.x?.min, plot.scales.x?.max];
          const label = to - from < 300 ? formatClock : (at: number) => formatMoment(at, Date.now());
          return ticks.map((tick) => label(tick * 1000));
        },
      },
      {
        ...axis,
        size: 52,
        incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 2e6, 5e6],
        values: (_, ticks) => ticks.map((tick) => formatCount(tick)),
      },
    ],
    series: [
      {},
      { stroke: quiet, width: 1.5, dash: [5, 4], points, ...(stepped ? { paths: stepped } : {}) },
      { stroke: installed, width: 2.25, fill: `${installed}22`, points },
      { stroke: failed, width: 2, fill: `${failed}22`, points },
    ],
    hooks: {
      draw: [
        (plot) => {
          drawOpenings(plot, waves.current, quiet, line, font);
        },
      ],
    },
  };
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
