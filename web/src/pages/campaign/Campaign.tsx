import { Skeleton, Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { asApiError } from "../../api/errors";
import { campaignQuery, timelineQuery } from "../../api/queries";
import { Failure } from "../../components/Failure";
import { useTitle } from "../../components/useTitle";
import { text } from "../../i18n";
import { NotFound } from "../NotFound";
import page from "../Page.module.css";
import { BurnUp } from "./BurnUp";
import { Failures } from "./Failures";
import { Funnel } from "./Funnel";
import { Halted } from "./Halted";
import { Header } from "./Header";
import { LeftOut } from "./LeftOut";
import { Overall } from "./Overall";
import { Plan } from "./Plan";
import { StepsTo } from "./StepsTo";
import { Timeline } from "./Timeline";
import { VehicleTable } from "./VehicleTable";
import { Waves } from "./Waves";
import { WayBack } from "./WayBack";

/** One campaign: where it stands, what it waits for, what failed, how far its vehicles are and what has happened. */
export function Campaign() {
  const { id } = useParams({ from: "/signed-in/campaigns/$id" });
  const { data, error, refetch } = useQuery(campaignQuery(id));
  const { data: events = [] } = useQuery(timelineQuery(id));
  useTitle(data?.name ?? text().campaign.number(id));
  if (data === undefined) {
    if (error === null) return <Loading />;
    if (asApiError(error).status === 404) return <NotFound what={text().campaign.none(id)} />;
    return <Failure page again error={error} retry={() => void refetch()} />;
  }
  return (
    <div className={page.page}>
      <Header campaign={data} told={data.state === "halted"} />
      <Halted campaign={data} />
      <Overall campaign={data} />
      <Waves waves={data.waves} />
      <div className={`${page.columns ?? ""} ${page.wideLeft ?? ""}`}>
        <BurnUp campaign={data} />
        <Failures campaign={data} />
      </div>
      <div className={`${page.columns ?? ""} ${page.wideLeft ?? ""}`}>
        <Funnel campaign={data} />
        <Timeline events={events} />
      </div>
      <VehicleTable campaign={data} />
      <LeftOut campaign={data} />
      <StepsTo campaign={data} />
      <WayBack campaign={data} />
      <Plan campaign={data} />
    </div>
  );
}

function Loading() {
  return (
    <Stack role="group" aria-busy="true" aria-label={text().common.loading}>
      <Skeleton h={72} w="60%" />
      <Skeleton h={180} radius="lg" />
      <Skeleton h={220} radius="lg" />
    </Stack>
  );
}
