import { Skeleton, Stack } from "@mantine/core";
import { useQueries, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { Campaign, CampaignState, Fleet as FleetSummary } from "../../api/model";
import { fleetQuery, openCampaignsQuery } from "../../api/queries";
import { may } from "../../api/session";
import { Failure } from "../../components/Failure";
import { ShipIcon } from "../../components/icons";
import { NewCampaignButton } from "../../components/NewCampaignButton";
import { Notice } from "../../components/Notice";
import { PageHeader } from "../../components/PageHeader";
import { text } from "../../i18n";
import page from "../Page.module.css";
import { Attention } from "./Attention";
import { CampaignCard } from "./CampaignCard";
import { Figures } from "./Figures";
import classes from "./Fleet.module.css";
import { Models } from "./Models";
import { Versions } from "./Versions";

/** In the order in which somebody should look at them. */
const OPEN: readonly CampaignState[] = ["halted", "in_review", "paused", "running", "scheduled"];

/** The first page: the vehicles, what is being rolled out to them, and what needs an admin. */
export function Fleet() {
  const t = text().fleet;
  const fleet = useQuery(fleetQuery);
  const open = useQueries({
    queries: OPEN.map(openCampaignsQuery),
    combine: (results) => ({
      campaigns: results.some((result) => result.data === undefined)
        ? undefined
        : results.flatMap(({ data }) => (data === undefined ? [] : data.pages.flatMap((one) => one.items))),
      error: results.find((result) => result.error !== null)?.error ?? null,
      refetch: () => Promise.all(results.map((result) => result.refetch())),
    }),
  });
  const known = open.campaigns !== undefined || open.error !== null;
  if (fleet.data === undefined && fleet.error !== null) {
    return <Failure page again error={fleet.error} retry={() => void Promise.all([fleet.refetch(), open.refetch()])} />;
  }
  return (
    <div className={page.page}>
      <PageHeader
        title={t.title}
        actions={may("engineer") && <NewCampaignButton />}
      />
      {fleet.data === undefined ? <FiguresLoading /> : <Figures fleet={fleet.data} />}
      {fleet.data !== undefined && known ? (
        <Known fleet={fleet.data} open={open} />
      ) : (
        <Skeleton h={210} radius="lg" role="group" aria-busy="true" aria-label={text().common.loading} />
      )}
    </div>
  );
}

interface Open {
  campaigns: readonly Campaign[] | undefined;
  error: Error | null;
  refetch: () => Promise<unknown>;
}

/** What stands below the figures, all at once: nothing of it is pushed away by what comes later. */
function Known({ fleet, open }: { fleet: FleetSummary; open: Open }) {
  const t = text().fleet;
  return (
    <>
      {open.campaigns !== undefined && <Attention campaigns={open.campaigns} deadLetters={fleet.dead_letters} />}
      <section aria-labelledby="under-way" className={classes.campaigns}>
        <header className={classes.campaignsHeader}>
          <h2 id="under-way" className={classes.subtitle}>
            {t.underWay}
          </h2>
          <Link to="/campaigns">{t.allCampaigns}</Link>
        </header>
        <UnderWay campaigns={open.campaigns} error={open.error} retry={() => void open.refetch()} />
      </section>
      <Versions models={fleet.models} />
      <Models models={fleet.models} />
    </>
  );
}

interface UnderWayProps {
  campaigns: readonly Campaign[] | undefined;
  error: Error | null;
  retry: () => void;
}

function UnderWay({ campaigns, error, retry }: UnderWayProps) {
  if (campaigns === undefined) return <Failure error={error} retry={retry} />;
  if (campaigns.length === 0) {
    return (
      <div className={classes.empty}>
        <Notice icon={<ShipIcon size={26} />} title={text().fleet.noCampaigns} action={may("engineer") && <NewCampaignButton light />}>
          {text().fleet.noCampaignsText}
        </Notice>
      </div>
    );
  }
  return (
    <Stack gap="md">
      {campaigns.map((campaign) => (
        <CampaignCard key={campaign.id} campaign={campaign} />
      ))}
    </Stack>
  );
}

function FiguresLoading() {
  return (
    <div className={classes.figures} role="group" aria-busy="true" aria-label={text().common.loading}>
      {[1, 2, 3, 4, 5].map((figure) => (
        <Skeleton key={figure} h={104} radius="lg" />
      ))}
    </div>
  );
}
