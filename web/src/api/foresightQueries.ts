/** What the pages ask for that looks ahead, or sorts what failed. */

import { queryOptions } from "@tanstack/react-query";
import * as foresight from "./foresight";
import { keys } from "./queries";

export const triageQuery = (id: number) =>
  queryOptions({
    queryKey: [...keys.insight(id), "triage"],
    queryFn: ({ signal }) => foresight.listTriage(id, signal),
  });

/** Played again only when somebody did something with the campaign, or asks for it. */
export const rehearsalQuery = (id: number, settings: foresight.RehearsalSettings) =>
  queryOptions({
    queryKey: [...keys.foresight(id), "rehearsal", settings],
    queryFn: ({ signal }) => foresight.rehearse(id, settings, signal),
    staleTime: Infinity,
  });

export const forecastQuery = (id: number) =>
  queryOptions({
    queryKey: [...keys.foresight(id), "forecast"],
    queryFn: ({ signal }) => foresight.getForecast(id, signal),
    staleTime: 30_000,
  });

export const forecastsQuery = (id: number) =>
  queryOptions({
    queryKey: [...keys.foresight(id), "forecasts"],
    queryFn: ({ signal }) => foresight.listForecasts(id, signal),
  });
