import { Button, SegmentedControl, Skeleton, Stack } from "@mantine/core";
import type { InfiniteData, UseInfiniteQueryResult } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import type { Campaign, Page } from "../../api/model";
import { Failure } from "../../components/Failure";
import { ShipIcon } from "../../components/icons";
import { Notice } from "../../components/Notice";
import { hasEnded } from "../../rollout/states";
import { CampaignCard } from "./CampaignCard";
import classes from "./Fleet.module.css";
import { SHOWS, type Show } from "./show";

const LABELS: Record<Show, string> = { all: "All", open: "Open", ended: "Ended" };

/** The campaigns, newest first, filtered by what the URL says. */
export function Campaigns({ query }: { query: UseInfiniteQueryResult<InfiniteData<Page<Campaign>>> }) {
  const { show = "all" } = useSearch({ from: "/signed-in/" });
  const navigate = useNavigate({ from: "/" });
  return (
    <section aria-labelledby="campaigns" className={classes.campaigns}>
      <header className={classes.campaignsHeader}>
        <h2 id="campaigns" className={classes.subtitle}>
          Campaigns
        </h2>
        <SegmentedControl
          size="xs"
          aria-label="Which campaigns"
          data={SHOWS.map((value) => ({ value, label: LABELS[value] }))}
          value={show}
          onChange={(value) => {
            const next = SHOWS.find((known) => known === value && known !== "all");
            void navigate({ search: next === undefined ? {} : { show: next }, replace: true });
          }}
        />
      </header>
      <CampaignList query={query} show={show} />
    </section>
  );
}

function CampaignList({ query, show }: { query: UseInfiniteQueryResult<InfiniteData<Page<Campaign>>>; show: Show }) {
  if (query.data === undefined) {
    if (query.error) return <Failure error={query.error} retry={() => void query.refetch()} />;
    return (
      <Stack aria-busy="true" aria-label="Loading campaigns">
        <Skeleton h={210} radius="lg" />
        <Skeleton h={210} radius="lg" />
      </Stack>
    );
  }
  const campaigns = query.data.pages.flatMap((page) => page.items);
  const shown = campaigns.filter((campaign) => show === "all" || hasEnded(campaign.state) === (show === "ended"));
  return (
    <Stack gap="md">
      {shown.map((campaign) => (
        <CampaignCard key={campaign.id} campaign={campaign} />
      ))}
      {shown.length === 0 && !query.hasNextPage && <NoCampaigns show={campaigns.length === 0 ? "all" : show} />}
      {query.hasNextPage && (
        <Button variant="default" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
          Show older campaigns
        </Button>
      )}
    </Stack>
  );
}

function NoCampaigns({ show }: { show: Show }) {
  return (
    <div className={classes.empty}>
      <Notice
        icon={<ShipIcon size={26} />}
        title={{ all: "No campaigns yet", open: "Nothing is being rolled out", ended: "No campaign has ended yet" }[show]}
      >
        {show === "all" ? (
          <>
            A campaign brings a release to the vehicles you choose, in waves. Create one over the{" "}
            <a href="/api/docs">REST API</a>; it appears here at once.
          </>
        ) : (
          "Other campaigns are under “All”."
        )}
      </Notice>
    </div>
  );
}
