import { Group, Skeleton, Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { asApiError } from "../../api/errors";
import type { Vehicle as VehicleModel } from "../../api/model";
import { vehicleQuery } from "../../api/queries";
import { AuditLink } from "../../components/AuditLink";
import { DossierLinks } from "../../components/DossierLinks";
import { Failure } from "../../components/Failure";
import { Chips, Fact, Facts } from "../../components/Facts";
import { PageHeader } from "../../components/PageHeader";
import { Panel } from "../../components/Panel";
import { Badge } from "../../components/StateBadge";
import { When } from "../../components/When";
import { text } from "../../i18n";
import { lastHeard } from "../../rollout/presence";
import { NotFound } from "../NotFound";
import page from "../Page.module.css";
import { Campaigns } from "./Campaigns";
import { History } from "./History";
import { OptOut } from "./OptOut";
import { Others } from "./Others";
import { Software } from "./Software";

/** One vehicle: what it is, what it runs and ran, and every step it took in every campaign. */
export function Vehicle() {
  const t = text().vehicle;
  const { vin } = useParams({ from: "/signed-in/vehicles/$vin" });
  const { data, error, refetch } = useQuery(vehicleQuery(vin));
  if (data === undefined) {
    if (error === null) return <Loading />;
    const status = asApiError(error).status;
    if (status === 404 || status === 400) return <NotFound what={t.none(vin)} />;
    return <Failure page again error={error} retry={() => void refetch()} />;
  }
  return (
    <div className={page.page}>
      <PageHeader
        code
        title={data.vin}
        back={{ to: "/vehicles", label: text().vehicles.title }}
        badge={
          <>
            {data.retired_at == null && <Online online={data.online} />}
            {data.retired_at != null && <Badge label={t.retired} color="var(--state-cancelled)" />}
            {data.opted_out && <Badge label={t.optedOut} color="var(--state-declined)" />}
          </>
        }
        lead={[data.model, data.model_year, data.region].filter((part) => part != null).join(" · ")}
      />
      <Campaigns vin={data.vin} />
      {data.retired_at == null && <Others vehicle={data} />}
      <div className={page.columns}>
        <Software vin={data.vin} />
        <Identity vehicle={data} />
      </div>
      <History vin={data.vin} />
    </div>
  );
}

function Identity({ vehicle }: { vehicle: VehicleModel }) {
  const t = text().vehicle;
  const attributes = Object.entries(vehicle.attributes);
  return (
    <Panel
      title={t.identity}
      aside={
        <Group gap="md">
          <AuditLink about={{ vin: vehicle.vin }} />
          <DossierLinks of={{ vin: vehicle.vin }} />
        </Group>
      }
    >
      <Facts>
        <Fact term={t.model}>{vehicle.model}</Fact>
        <Fact term={t.year}>{vehicle.model_year ?? "–"}</Fact>
        <Fact term={t.region}>{vehicle.region ?? "–"}</Fact>
        {vehicle.tags.length > 0 && (
          <Fact term={t.tags}>
            <Chips words={vehicle.tags} />
          </Fact>
        )}
        {attributes.length > 0 && (
          <Fact term={t.attributes}>
            <Chips words={attributes.map(([name, value]) => `${name}: ${value}`)} />
          </Fact>
        )}
        {vehicle.rxswin != null && (
          <Fact term={t.rxswin}>
            <Link to="/rxswins/$rxswin" params={{ rxswin: vehicle.rxswin }}>
              {vehicle.rxswin}
            </Link>
          </Fact>
        )}
        <Fact term={t.holder}>
          <OptOut vehicle={vehicle} />
        </Fact>
        {vehicle.retired_at == null && (
          <Fact term={t.presence}>
            <Presence vehicle={vehicle} />
          </Fact>
        )}
        <Fact term={t.lastAck}>
          <Moment at={vehicle.last_ack_at} />
        </Fact>
        <Fact term={t.lastInventory}>
          <Moment at={vehicle.last_inventory_at} />
        </Fact>
        <Fact term={t.created}>
          <When at={vehicle.created_at} />
        </Fact>
        {vehicle.retired_at != null && (
          <Fact term={t.retired}>
            <When at={vehicle.retired_at} />
          </Fact>
        )}
      </Facts>
    </Panel>
  );
}

function Online({ online }: { online: boolean }) {
  const t = text().vehicles;
  return online ? <Badge label={t.online} color="var(--state-installed)" /> : <Badge label={t.offline} color="var(--state-timed-out)" />;
}

/** Since when it has been silent, or that it is there. */
function Presence({ vehicle }: { vehicle: VehicleModel }) {
  const last = lastHeard(vehicle);
  if (last === undefined) return text().vehicles.never;
  return (
    <>
      {vehicle.online ? text().vehicle.onlineHeard : text().vehicle.offlineSince} <When at={last} />
    </>
  );
}

function Moment({ at }: { at: string | null | undefined }) {
  return at == null ? text().vehicles.never : <When at={at} />;
}

function Loading() {
  return (
    <Stack role="group" aria-busy="true" aria-label={text().common.loading}>
      <Skeleton h={64} w="50%" />
      <Skeleton h={200} radius="lg" />
      <Skeleton h={200} radius="lg" />
    </Stack>
  );
}
