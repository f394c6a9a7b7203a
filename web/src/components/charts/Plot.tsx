import { useComputedColorScheme } from "@mantine/core";
import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { chartStyle, type ChartStyle } from "./style";

export type Drawing = (style: ChartStyle) => Omit<uPlot.Options, "width" | "height">;

interface PlotProps {
  data: uPlot.AlignedData;
  /** How it is drawn; another one draws it anew. */
  drawing: Drawing;
  height: number;
}

/** A chart as wide as its place, in the colours of the page. Only loaded with what draws one. */
export function Plot({ data, drawing, height }: PlotProps) {
  const scheme = useComputedColorScheme("light");
  const frame = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = frame.current;
    if (element === null) return;
    const common = { legend: { show: false }, cursor: { show: false }, width: element.clientWidth, height };
    const plot = new uPlot({ ...common, ...drawing(chartStyle(element)) }, data, element);
    const resize = new ResizeObserver(() => {
      plot.setSize({ width: element.clientWidth, height });
    });
    resize.observe(element);
    return () => {
      resize.disconnect();
      plot.destroy();
    };
  }, [scheme, data, drawing, height]);
  return <div ref={frame} style={{ minHeight: height }} />;
}
