import { useComputedColorScheme } from "@mantine/core";
import { useEffect, useLayoutEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { chartStyle, type ChartStyle } from "./style";

/** How a chart is drawn; `beside` tells what it shows beside the data, each time it draws. */
export type Drawing<B = undefined> = (style: ChartStyle, beside: () => B) => Omit<uPlot.Options, "width" | "height">;

interface PlotProps<B> {
  data: uPlot.AlignedData;
  /** Another one begins the chart anew, other data do not. */
  drawing: Drawing<B>;
  /** Drawn again when it changes. */
  beside: B;
  height: number;
}

/** A chart as wide as its place, in the colours of the page. Only loaded with what draws one. */
export function Plot<B>({ data, drawing, beside, height }: PlotProps<B>) {
  const scheme = useComputedColorScheme("light");
  const frame = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot>(undefined);
  const latest = useRef({ data, beside });
  useLayoutEffect(() => {
    latest.current = { data, beside };
  }, [data, beside]);
  useEffect(() => {
    const element = frame.current;
    if (element === null) return;
    const common = { legend: { show: false }, cursor: { show: false }, width: element.clientWidth, height };
    const plot = new uPlot({ ...common, ...drawing(chartStyle(element), () => latest.current.beside) }, latest.current.data, element);
    chart.current = plot;
    const resize = new ResizeObserver(() => {
      plot.setSize({ width: element.clientWidth, height });
    });
    resize.observe(element);
    return () => {
      resize.disconnect();
      plot.destroy();
      chart.current = undefined;
    };
  }, [scheme, drawing, height]);
  // With the rest of the page, in one paint.
  useLayoutEffect(() => {
    chart.current?.setData(data);
  }, [data, beside]);
  return <div ref={frame} style={{ minHeight: height }} />;
}
