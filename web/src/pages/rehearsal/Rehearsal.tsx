import { Button } from "@mantine/core";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link, useParams, useSearch } from "@tanstack/react-router";
import { mayAct } from "../../api/acts";
import { asApiError } from "../../api/errors";
import { rehearsalQuery } from "../../api/foresightQueries";
import type { Campaign } from "../../api/model";
import { campaignQuery } from "../../api/queries";
import { Failure } from "../../components/Failure";
import { Finish } from "../../components/Finish";
import { AlertIcon, HourglassIcon, LockIcon } from "../../components/icons";
import { Notice } from "../../components/Notice";
import { Panel } from "../../components/Panel";
import { LoadingRows } from "../../components/Pending";
import { text } from "../../i18n";
import { hasNotStarted } from "../../rollout/states";
import { Header } from "../campaign/Header";
import { NotFound } from "../NotFound";
import page from "../Page.module.css";
import { Basis } from "./Basis";
import { Exposed } from "./Exposed";
import { Load } from "./Load";
import { Settings } from "./Settings";

/** How a campaign would go, before it does. */
export function Rehearsal() {
  const { id } = useParams({ from: "/signed-in/campaigns/$id/rehearsal" });
  const { data, error, refetch } = useQuery(campaignQuery(id));
  if (data === undefined) {
    if (error === null) return <LoadingRows />;
    if (asApiError(error).status === 404) return <NotFound what={text().campaign.none(id)} />;
    return <Failure page again error={error} retry={() => void refetch()} />;
  }
  return (
    <div className={page.page}>
      <Header campaign={data} rehearsing />
      {!mayAct("rehearse") ? (
        <Notice icon={<LockIcon size={26} />} title={text().rehearsal.tab}>
          {text().common.forbidden}
        </Notice>
      ) : hasNotStarted(data.state) ? (
        <Played key={id} campaign={data} />
      ) : (
        <Started campaign={data} />
      )}
    </div>
  );
}

function Started({ campaign }: { campaign: Campaign }) {
  const t = text().rehearsal;
  const began = campaign.started_at != null;
  return (
    <Notice
      icon={<HourglassIcon size={26} />}
      title={began ? t.started : t.cannot}
      action={
        began && (
          <Button
            variant="light"
            renderRoot={(props) => <Link to="/campaigns/$id/forecasts" params={{ id: campaign.id }} {...props} />}
          >
            {t.toForecasts}
          </Button>
        )
      }
    >
      {began ? t.startedText : t.endedText}
    </Notice>
  );
}

function Played({ campaign }: { campaign: Campaign }) {
  const t = text().rehearsal;
  const settings = useSearch({ from: "/signed-in/campaigns/$id/rehearsal" });
  const query = useQuery({ ...rehearsalQuery(campaign.id, settings), placeholderData: keepPreviousData });
  const { data, error, refetch } = query;
  return (
    <>
      <Panel title={t.tab}>
        <Settings key={JSON.stringify(settings)} campaign={campaign.id} settings={settings} playing={query.isFetching} again={() => void refetch()} />
      </Panel>
      {error !== null ? (
        <Refused error={error} retry={() => void refetch()} />
      ) : data === undefined ? (
        <LoadingRows rows={6} />
      ) : (
        <div className={page.page} aria-busy={query.isPlaceholderData} style={{ opacity: query.isPlaceholderData ? 0.5 : 1 }}>
          <Panel title={text().forecast.when}>
            <Finish forecast={data} ended={0} deadline={campaign.deadline} />
          </Panel>
          <div className={page.columns}>
            <Exposed rehearsal={data} />
            <Basis rehearsal={data} />
          </div>
          <Load rehearsal={data} />
        </div>
      )}
    </>
  );
}

/** A campaign that the server does not play, such as one without vehicles, says why. */
function Refused({ error, retry }: { error: unknown; retry: () => void }) {
  const problem = asApiError(error);
  if (problem.isTransient) return <Failure error={error} retry={retry} />;
  return (
    <Notice urgent icon={<AlertIcon size={26} />} title={text().rehearsal.cannot}>
      {problem.message}
    </Notice>
  );
}
