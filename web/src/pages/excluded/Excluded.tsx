import { NativeSelect } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { asApiError } from "../../api/errors";
import type { Campaign, ExcludedVehicle } from "../../api/model";
import { campaignQuery, excludedQuery } from "../../api/queries";
import { Failure } from "../../components/Failure";
import { ListPage } from "../../components/ListPage";
import { Panel } from "../../components/Panel";
import { LoadingRows } from "../../components/Pending";
import { rowLink, Table } from "../../components/Table";
import { plural } from "../../format/number";
import { text } from "../../i18n";
import { EXCLUSION_REASONS } from "../../rollout/states";
import { exclusionSentence } from "../../rollout/wording";
import { Header } from "../campaign/Header";
import { NotFound } from "../NotFound";
import page from "../Page.module.css";
import { readExcluded } from "../search";

/** The vehicles that a campaign's target selects and that it left out, each with the reason. */
export function Excluded() {
  const { id } = useParams({ from: "/signed-in/campaigns/$id/excluded" });
  const { data, error, refetch } = useQuery(campaignQuery(id));
  if (data === undefined) {
    if (error === null) return <LoadingRows />;
    if (asApiError(error).status === 404) return <NotFound what={text().campaign.none(id)} />;
    return <Failure page again error={error} retry={() => void refetch()} />;
  }
  return (
    <div className={page.page}>
      <Header campaign={data} />
      <Vehicles campaign={data} />
    </div>
  );
}

function Vehicles({ campaign }: { campaign: Campaign }) {
  const t = text().excluded;
  const filter = useSearch({ from: "/signed-in/campaigns/$id/excluded" });
  const query = useInfiniteQuery(excludedQuery(campaign.id, filter));
  const none = campaign.members == null ? t.later : t.none;
  return (
    <Panel title={text().wizard.leftOut}>
      <div className={page.page}>
        <Filter campaign={campaign.id} />
        <ListPage query={query} empty={<p className={page.quiet}>{none}</p>}>
          {(vehicles) => <List vehicles={vehicles} />}
        </ListPage>
      </div>
    </Panel>
  );
}

/** Every reason there is, with how many vehicles it left out. */
function Filter({ campaign }: { campaign: number }) {
  const t = text().excluded;
  const { reason } = useSearch({ from: "/signed-in/campaigns/$id/excluded" });
  const { data } = useInfiniteQuery(excludedQuery(campaign, {}));
  const reasons = data?.pages[0]?.reasons ?? [];
  const navigate = useNavigate({ from: "/campaigns/$id/excluded" });
  const vehicles = (count: number) => plural(count, text().count.vehicle);
  const sum = (of: typeof reasons) => of.reduce((all, one) => all + one.vehicles, 0);
  const found = EXCLUSION_REASONS.flatMap((one) => {
    const count = sum(reasons.filter((other) => other.reason === one));
    return count === 0 && one !== reason ? [] : [{ value: one, label: `${t.reasons[one]}: ${vehicles(count)}` }];
  });
  return (
    <div className={page.filters}>
      <NativeSelect
        size="xs"
        label={t.reason}
        value={reason ?? ""}
        data={[{ value: "", label: `${t.any}: ${vehicles(sum(reasons))}` }, ...found]}
        style={{ flex: "0 1 22rem" }}
        onChange={(event) => {
          const search = readExcluded({ reason: event.currentTarget.value });
          void navigate({ search, replace: true, resetScroll: false });
        }}
      />
    </div>
  );
}

function List({ vehicles }: { vehicles: readonly ExcludedVehicle[] }) {
  const t = text().excluded;
  return (
    <Table
      label={text().wizard.leftOut}
      minWidth={32}
      head={
        <>
          <th>{text().vehicles.vin}</th>
          <th>{t.reason}</th>
        </>
      }
    >
      {vehicles.map((vehicle) => (
        <tr key={vehicle.vin}>
          <th scope="row">
            <Link to="/vehicles/$vin" params={{ vin: vehicle.vin }} search={{}} className={rowLink}>
              {vehicle.vin}
            </Link>
          </th>
          <td>{exclusionSentence(vehicle)}</td>
        </tr>
      ))}
    </Table>
  );
}
