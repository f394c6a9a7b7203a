import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { mayAct } from "../../api/acts";
import { asApiError } from "../../api/errors";
import { forecastQuery } from "../../api/foresightQueries";
import type { Campaign } from "../../api/model";
import { campaignQuery } from "../../api/queries";
import { Failure } from "../../components/Failure";
import { Finish } from "../../components/Finish";
import { HourglassIcon } from "../../components/icons";
import { Notice } from "../../components/Notice";
import { Panel } from "../../components/Panel";
import { LoadingRows, Pending } from "../../components/Pending";
import { text } from "../../i18n";
import { isUnderWay } from "../../rollout/foresight";
import { sourceSentence } from "../../rollout/foretelling";
import { tally } from "../../rollout/progress";
import { hasNotStarted } from "../../rollout/states";
import { Header } from "../campaign/Header";
import { NotFound } from "../NotFound";
import page from "../Page.module.css";
import { Past } from "./Past";

/** When a running campaign ends, and what was thought of that before. */
export function Forecasts() {
  const { id } = useParams({ from: "/signed-in/campaigns/$id/forecasts" });
  const { data, error, refetch } = useQuery(campaignQuery(id));
  if (data === undefined) {
    if (error === null) return <LoadingRows />;
    if (asApiError(error).status === 404) return <NotFound what={text().campaign.none(id)} />;
    return <Failure page again error={error} retry={() => void refetch()} />;
  }
  return (
    <div className={page.page}>
      <Header campaign={data} />
      {data.started_at == null ? (
        <NotStarted campaign={data} />
      ) : (
        <>
          {isUnderWay(data) && <Now campaign={data} />}
          <Past campaign={data} />
        </>
      )}
    </div>
  );
}

function NotStarted({ campaign }: { campaign: Campaign }) {
  const t = text().forecast;
  const rehearsable = hasNotStarted(campaign.state) && mayAct("rehearse");
  return (
    <Notice
      icon={<HourglassIcon size={26} />}
      title={t.notStarted}
      action={
        rehearsable && (
          <Button
            variant="light"
            renderRoot={(props) => <Link to="/campaigns/$id/rehearsal" params={{ id: campaign.id }} search={{}} {...props} />}
          >
            {text().rehearsal.action}
          </Button>
        )
      }
    >
      {t.notStartedText}
    </Notice>
  );
}

function Now({ campaign }: { campaign: Campaign }) {
  const t = text().forecast;
  const { data, error, refetch } = useQuery(forecastQuery(campaign.id));
  const { total, finished } = tally(campaign.counters, campaign.members);
  return (
    <Panel title={t.when} aside={<span className={page.quiet}>{campaign.state === "running" ? t.now : t.ifResumed}</span>}>
      {data === undefined ? (
        <Pending error={error} retry={() => void refetch()} />
      ) : data.forecast === null ? (
        <p className={page.quiet}>{t.noForecast}</p>
      ) : (
        <div className={page.page}>
          <Finish forecast={data.forecast} ended={total === 0 ? 0 : finished / total} deadline={campaign.deadline} />
          <p className={page.quiet}>
            {data.measured_from !== null && sourceSentence(data.measured_from, "long")}{" "}
            {campaign.policy.membership === "continuous" && t.joiners}
          </p>
        </div>
      )}
    </Panel>
  );
}
