import { Button, NativeSelect, TextInput } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import type { VehicleFilter } from "../../api/client";
import type { Vehicle } from "../../api/model";
import { modelsQuery, vehiclesQuery } from "../../api/queries";
import { Chips } from "../../components/Facts";
import { CarIcon, CarsIcon } from "../../components/icons";
import { ListPage } from "../../components/ListPage";
import { Notice } from "../../components/Notice";
import { PageHeader } from "../../components/PageHeader";
import { Panel } from "../../components/Panel";
import { Badge } from "../../components/StateBadge";
import { cell, rowLink, Table } from "../../components/Table";
import { When } from "../../components/When";
import { text } from "../../i18n";
import { lastHeard } from "../../rollout/presence";
import page from "../Page.module.css";
import { readVehicles } from "../search";
import { useTyped } from "../useTyped";

/** The vehicles; which ones is in the URL. */
export function Vehicles() {
  const t = text().vehicles;
  const filter = useSearch({ from: "/signed-in/vehicles" });
  const query = useInfiniteQuery(vehiclesQuery(filter));
  const filtered = Object.keys(filter).length > 0;
  return (
    <div className={page.page}>
      <PageHeader
        title={t.title}
        actions={
          <Button
            variant="default"
            leftSection={<CarsIcon size={16} />}
            renderRoot={(props) => <Link to="/groups" {...props} />}
          >
            {text().groups.title}
          </Button>
        }
      />
      <Filters key={filtered ? "filtered" : "all"} filter={filter} />
      <Panel title={filtered ? t.title : text().common.all}>
        <ListPage
          query={query}
          empty={
            <Notice icon={<CarIcon size={26} />} title={filtered ? t.noMatch : t.none}>
              {filtered ? t.noMatchText : t.noneText}
            </Notice>
          }
        >
          {(vehicles) => <List vehicles={vehicles} />}
        </ListPage>
      </Panel>
    </div>
  );
}

function Filters({ filter }: { filter: VehicleFilter }) {
  const t = text().vehicles;
  const navigate = useNavigate({ from: "/vehicles" });
  const { data: models = [] } = useQuery(modelsQuery);
  const { typed, type, choose } = useTyped(filter, (next: VehicleFilter) => {
    void navigate({ search: readVehicles({ ...next }), replace: true });
  });
  const field = (name: "vin_prefix" | "region" | "tag", label: string, maxLength: number) => (
    <TextInput
      size="xs"
      label={label}
      value={typed[name] ?? ""}
      maxLength={maxLength}
      spellCheck={false}
      onChange={(event) => {
        const value = event.currentTarget.value;
        type({ ...typed, [name]: name === "vin_prefix" ? value.toUpperCase().replace(/[^A-Z0-9]/g, "") : value });
      }}
    />
  );
  return (
    <div className={page.filters} role="search" aria-label={t.title}>
      {field("vin_prefix", t.prefix, 17)}
      <NativeSelect
        size="xs"
        label={t.model}
        value={typed.model ?? ""}
        data={[{ value: "", label: t.anyModel }, ...models.map((model) => ({ value: model.id, label: model.name }))]}
        onChange={(event) => {
          choose({ ...typed, model: event.currentTarget.value });
        }}
      />
      {field("region", t.region, 64)}
      {field("tag", t.tag, 64)}
      {Object.keys(filter).length > 0 && (
        <Button
          size="xs"
          variant="subtle"
          style={{ flex: "none" }}
          onClick={() => {
            choose({});
          }}
        >
          {text().campaign.clear}
        </Button>
      )}
    </div>
  );
}

function List({ vehicles }: { vehicles: readonly Vehicle[] }) {
  const t = text().vehicles;
  return (
    <Table
      label={t.title}
      minWidth={46}
      head={
        <>
          <th>{t.vin}</th>
          <th>{t.model}</th>
          <th>{t.year}</th>
          <th>{t.region}</th>
          <th>{t.tags}</th>
          <th>{t.lastSeen}</th>
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
          <td>{vehicle.model}</td>
          <td>{vehicle.model_year ?? "–"}</td>
          <td>{vehicle.region ?? "–"}</td>
          <td>
            {vehicle.retired_at != null && <Badge label={t.retired} color="var(--state-cancelled)" />}
            {vehicle.opted_out && <Badge label={text().vehicle.optedOut} color="var(--state-declined)" />}
            <Chips words={vehicle.tags} />
          </td>
          <td className={cell.time}>
            <LastSeen vehicle={vehicle} />
          </td>
        </tr>
      ))}
    </Table>
  );
}

function LastSeen({ vehicle }: { vehicle: Vehicle }) {
  const last = lastHeard(vehicle);
  if (last === undefined) return <span className={cell.quiet}>{text().vehicles.never}</span>;
  return (
    <>
      {vehicle.online && <Badge label={text().vehicles.online} color="var(--state-installed)" />} <When at={last} />
    </>
  );
}
