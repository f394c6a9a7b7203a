import { Skeleton } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { campaignsQuery, fleetQuery } from "../../api/queries";
import { Failure } from "../../components/Failure";
import { useTitle } from "../../components/useTitle";
import { useLive } from "../../live/useLive";
import { Campaigns } from "./Campaigns";
import classes from "./Fleet.module.css";
import { Figures } from "./Figures";
import { Models } from "./Models";

/** The first page: the vehicles, what is being rolled out to them, and what needs an admin. */
export function Fleet() {
  useTitle("Fleet");
  useLive();
  const fleet = useQuery(fleetQuery);
  const campaigns = useInfiniteQuery(campaignsQuery);

  if (fleet.data === undefined && fleet.error !== null) {
    return <Failure page error={fleet.error} retry={() => void Promise.all([fleet.refetch(), campaigns.refetch()])} />;
  }
  return (
    <div className={classes.page}>
      <h1 className={classes.title}>Fleet</h1>
      {fleet.data === undefined ? <FiguresLoading /> : <Figures fleet={fleet.data} />}
      <Campaigns query={campaigns} />
      {fleet.data === undefined ? <Skeleton h={180} radius="lg" /> : <Models models={fleet.data.models} />}
    </div>
  );
}

function FiguresLoading() {
  return (
    <div className={classes.figures} aria-busy="true" aria-label="Loading">
      {[1, 2, 3, 4].map((figure) => (
        <Skeleton key={figure} h={104} radius="lg" />
      ))}
    </div>
  );
}
