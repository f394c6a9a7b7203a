/** What is drawn into a burn-up beside its series: the part that is listed, the plan, the forecast, gates, openings. */

import type uPlot from "uplot";
import type { Wave } from "../../api/model";
import { text } from "../../i18n";
import type { GateLine } from "../../rollout/burnUp";
import type { Course } from "../../rollout/foresight";
import type { Span } from "./BurnUpChart";

/** Draws within the chart's frame, and leaves everything as it was. */
function within(plot: uPlot, draw: (ctx: CanvasRenderingContext2D, box: uPlot.BBox) => void): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  draw(ctx, bbox);
  ctx.restore();
}

function smallFont(font: string): string {
  return font.replace(/\d+px/, `${11 * devicePixelRatio}px`);
}

export function drawSlice(plot: uPlot, slice: Span | undefined, color: string): void {
  if (slice === undefined) return;
  within(plot, (ctx, box) => {
    const [from, to] = [plot.valToPos(slice.from, "x", true), plot.valToPos(slice.to, "x", true)];
    ctx.fillStyle = `${color}2e`;
    ctx.fillRect(from, box.top, Math.max(to - from, 2 * devicePixelRatio), box.height);
  });
}

/** The end that the first forecast told, as a band; and its middle, with a word where there is room. */
export function drawPlanned(plot: uPlot, planned: Span | undefined, members: number, color: string, font: string): void {
  if (planned === undefined) return;
  within(plot, (ctx, box) => {
    const [from, to] = [plot.valToPos(planned.from, "x", true), plot.valToPos(planned.to, "x", true)];
    const top = plot.valToPos(members, "y", true);
    ctx.fillStyle = `${color}1c`;
    ctx.fillRect(from, top, Math.max(to - from, devicePixelRatio), box.top + box.height - top);
    ctx.fillStyle = color;
    ctx.font = smallFont(font);
    ctx.textAlign = "right";
    ctx.textBaseline = "bottom";
    ctx.fillText(text().watch.plannedEnd, Math.max(from, box.left) - 4 * devicePixelRatio, box.top + box.height - 4 * devicePixelRatio);
  });
}

/** How many vehicles eight runs in ten have at an end by when, and the middle of them: of a forecast, or of the plan. */
export function drawCourse(plot: uPlot, course: Course | undefined, members: number, color: string): void {
  if (course === undefined) return;
  const at = (index: number, share: number) =>
    [plot.valToPos(course.times[index] ?? 0, "x", true), plot.valToPos(share * members, "y", true)] as const;
  within(plot, (ctx) => {
    ctx.beginPath();
    course.fast.forEach((share, index) => {
      ctx.lineTo(...at(index, share));
    });
    course.slow.toReversed().forEach((share, index) => {
      ctx.lineTo(...at(course.slow.length - 1 - index, share));
    });
    ctx.closePath();
    ctx.fillStyle = `${color}33`;
    ctx.fill();
    ctx.beginPath();
    course.middle.forEach((share, index) => {
      ctx.lineTo(...at(index, share));
    });
    ctx.strokeStyle = color;
    ctx.lineWidth = 1.5 * devicePixelRatio;
    ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
    ctx.stroke();
  });
}

/** What must have installed in all before the next wave opens, for as long as it was waited for. */
export function drawGates(plot: uPlot, gates: readonly GateLine[], color: string, font: string): void {
  within(plot, (ctx, box) => {
    ctx.strokeStyle = color;
    ctx.fillStyle = color;
    ctx.lineWidth = 1.25 * devicePixelRatio;
    ctx.font = smallFont(font);
    ctx.textAlign = "left";
    ctx.textBaseline = "bottom";
    for (const gate of gates) {
      const from = plot.valToPos(gate.from, "x", true);
      const to = gate.to === undefined ? box.left + box.width : plot.valToPos(gate.to, "x", true);
      const y = plot.valToPos(gate.level, "y", true);
      ctx.setLineDash([2 * devicePixelRatio, 3 * devicePixelRatio]);
      ctx.beginPath();
      ctx.moveTo(from, y);
      ctx.lineTo(to, y);
      ctx.stroke();
      const label = text().watch.gateLine(gate.wave);
      // Where it does not fit, the line says enough.
      if (ctx.measureText(label).width + 6 * devicePixelRatio < to - from) ctx.fillText(label, from + 4 * devicePixelRatio, y - devicePixelRatio);
    }
  });
}

/** A line where each wave opened, with its number at the top. */
export function drawOpenings(plot: uPlot, waves: readonly Wave[], stroke: string, line: string, font: string): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.lineWidth = devicePixelRatio;
  ctx.font = smallFont(font);
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
