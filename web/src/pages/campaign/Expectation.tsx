import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { forecastQuery } from "../../api/foresightQueries";
import type { Campaign } from "../../api/model";
import { Figure } from "../../components/Figure";
import { useNow } from "../../components/useNow";
import { formatMoment, formatRelative } from "../../format/time";
import { text } from "../../i18n";
import { isUnderWay, outlook } from "../../rollout/foresight";
import { outlookSentence, sourceSentence } from "../../rollout/foretelling";
import classes from "./Campaign.module.css";

function useForecast(campaign: Campaign) {
  return useQuery({ ...forecastQuery(campaign.id), enabled: isUnderWay(campaign) });
}

/** The middle of what is forecast. */
export function ExpectedEnd({ campaign }: { campaign: Campaign }) {
  const now = useNow();
  const { data } = useForecast(campaign);
  const found = outlook(data?.forecast);
  if (!isUnderWay(campaign) || campaign.state !== "running") return null;
  const at = found.kind === "band" ? Date.parse(found.band.p50_at) : found.kind === "deadline" ? Date.parse(campaign.deadline) : undefined;
  if (at === undefined) return null;
  return <Figure value={formatRelative(Math.max(at, now), now)} label={text().forecast.eta} detail={formatMoment(at, now)} />;
}

/** When it ends, in words, and from what that is known; why there is none where it runs without. */
export function Expectation({ campaign }: { campaign: Campaign }) {
  const t = text().forecast;
  const now = useNow();
  const { data, error } = useForecast(campaign);
  if (!isUnderWay(campaign)) return null;
  const said = [
    campaign.state !== "running" && t.ifResumed,
    data && outlookSentence(outlook(data.forecast), campaign.deadline, now),
    data?.measured_from && sourceSentence(data.measured_from, "short"),
    data && campaign.policy.membership === "continuous" && t.joiners,
  ];
  return (
    <p className={classes.quiet} aria-busy={data === undefined && error === null}>
      {data === undefined ? error === null ? "…" : t.noForecast : said.filter(Boolean).join(" ")}{" "}
      <Link to="/campaigns/$id/forecasts" params={{ id: campaign.id }}>
        {t.more}
      </Link>
    </p>
  );
}
