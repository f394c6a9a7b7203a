import { useMemo } from "react";
import uPlot from "uplot";
import type { PastForecast } from "../../api/model";
import { formatApart } from "../../format/time";
import { Plot, type Drawing } from "./Plot";

interface PastChartProps {
  /** The oldest first. */
  items: readonly PastForecast[];
  /** When the campaign ended, in milliseconds since 1970; undefined while it runs. */
  ended: number | undefined;
}

/** Lengths of time in seconds that an axis may count in: minutes, hours, days. */
const LENGTHS = [1, 5, 15, 60, 300, 900, 3600, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 2_592_000];
const seconds = (at: string) => Date.parse(at) / 1000;

/** What was forecast when, as a band of ends, and the line that it should have held. */
export function PastChart({ items, ended }: PastChartProps) {
  const data = useMemo<uPlot.AlignedData>(() => {
    const ends = (pick: "p10_at" | "p50_at" | "p90_at") => items.map(({ finish }) => (finish === null ? null : seconds(finish[pick])));
    return [items.map((one) => seconds(one.made_at)), ends("p10_at"), ends("p90_at"), ends("p50_at")];
  }, [items]);
  const drawing = useMemo<Drawing>(() => {
    const end = ended === undefined ? [] : [ended / 1000];
    const all = [...end, ...items.flatMap(({ finish }) => (finish === null ? [] : [seconds(finish.p10_at), seconds(finish.p90_at)]))];
    const [low, high] = [Math.min(...all), Math.max(...all)];
    const room = Math.max((high - low) * 0.08, 30);
    return ({ color, axis, timeAxis }) => {
      const told = formatApart((high - low) * 1000, Date.now());
      const water = color("--otaru-water");
      // A forecast is a moment: few of them are seen only as points.
      const points = { show: items.length < 40, size: 5, fill: water, stroke: water };
      return {
        scales: { x: { time: true }, y: { time: false, range: () => [low - room, high + room] } },
        axes: [
          timeAxis,
          { ...axis, size: 96, space: 40, incrs: LENGTHS, values: (_, ticks) => ticks.map((tick) => told(tick * 1000)) },
        ],
        series: [
          {},
          { stroke: `${water}66`, width: 1, points: { show: false } },
          { stroke: `${water}66`, width: 1, points: { show: false } },
          { stroke: water, width: 2, points },
        ],
        bands: [{ series: [2, 1], fill: `${water}33` }],
        hooks: {
          draw: [
            (plot) => {
              if (end[0] !== undefined) drawLine(plot, end[0], color("--state-installed"));
            },
          ],
        },
      };
    };
  }, [items, ended]);
  return <Plot data={data} drawing={drawing} beside={undefined} height={220} />;
}

function drawLine(plot: uPlot, at: number, color: string): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.fillStyle = color;
  ctx.fillRect(bbox.left, plot.valToPos(at, "y", true) - devicePixelRatio, bbox.width, 2 * devicePixelRatio);
  ctx.restore();
}
