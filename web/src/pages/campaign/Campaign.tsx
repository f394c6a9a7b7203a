import { Skeleton, Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { asApiError } from "../../api/errors";
import type { Campaign as CampaignModel } from "../../api/model";
import { campaignQuery, timelineQuery } from "../../api/queries";
import { Failure } from "../../components/Failure";
import { BackIcon } from "../../components/icons";
import { Panel } from "../../components/Panel";
import { StateBar, StateLegend } from "../../components/StateBar";
import { useTitle } from "../../components/useTitle";
import { formatPercent, plural } from "../../format/number";
import { useLive } from "../../live/useLive";
import { tally } from "../../rollout/progress";
import { NotFound } from "../NotFound";
import classes from "./Campaign.module.css";
import { Funnel } from "./Funnel";
import { Header } from "./Header";
import { Plan } from "./Plan";
import { Timeline } from "./Timeline";
import { Waves } from "./Waves";

/** One campaign: where it stands, what it waits for, how far its vehicles are and what has happened. */
export function Campaign() {
  const { id } = useParams({ from: "/signed-in/campaigns/$id" });
  useLive(id);
  const { data, error, refetch } = useQuery(campaignQuery(id));
  const { data: events = [] } = useQuery(timelineQuery(id));
  useTitle(data?.name ?? `Campaign ${id}`);
  if (data === undefined && error !== null) {
    if (asApiError(error).status === 404) return <NotFound what={`There is no campaign ${id}`} />;
    return <Failure page error={error} retry={() => void refetch()} />;
  }
  return (
    <div className={classes.page}>
      <Link to="/" search={{}} className={classes.back}>
        <BackIcon size={16} /> Fleet
      </Link>
      {data === undefined ? (
        <Loading />
      ) : (
        <>
          <Header campaign={data} />
          <Overall campaign={data} />
          <Waves waves={data.waves} />
          <div className={classes.columns}>
            <Funnel counters={data.counters} members={data.members} />
            <Timeline events={events} />
          </div>
          <Plan campaign={data} />
        </>
      )}
    </div>
  );
}

function Overall({ campaign }: { campaign: CampaignModel }) {
  const { total, finished, finishedRatio, installed, exited } = tally(campaign.counters, campaign.members);
  return (
    <Panel title="Progress" aside={<span className={classes.aside}>{plural(total, "vehicle")}</span>}>
      {total === 0 ? (
        <p className={classes.quiet}>Its vehicles are counted when it starts.</p>
      ) : (
        <Stack gap="sm">
          <div className={classes.figures}>
            <Figure value={formatPercent(finishedRatio)} label="finished" />
            <Figure value={formatPercent(installed / total)} label="installed" />
            <Figure
              value={finished === 0 ? "–" : formatPercent(exited / finished)}
              label="of the finished did not install"
            />
          </div>
          <StateBar label="Progress" counters={campaign.counters} members={campaign.members} />
          <StateLegend counters={campaign.counters} members={campaign.members} />
        </Stack>
      )}
    </Panel>
  );
}

function Figure({ value, label }: { value: string; label: string }) {
  return (
    <div className={classes.figure}>
      <strong>{value}</strong>
      <span>{label}</span>
    </div>
  );
}

function Loading() {
  return (
    <Stack aria-busy="true" aria-label="Loading the campaign">
      <Skeleton h={72} w="60%" />
      <Skeleton h={180} radius="lg" />
      <Skeleton h={220} radius="lg" />
    </Stack>
  );
}
