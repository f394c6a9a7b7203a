import { Button, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { ecusQuery } from "../../api/queries";
import { Panel } from "../../components/Panel";
import { Pending } from "../../components/Pending";
import { cell, Table } from "../../components/Table";
import { When } from "../../components/When";
import { localTime, timeOfField } from "../../format/field";
import { text } from "../../i18n";
import { readAsOf } from "../search";
import classes from "./Software.module.css";

/** What the vehicle's ECUs run, now or as of the time in the URL. */
export function Software({ vin }: { vin: string }) {
  const t = text().vehicle;
  const { at } = useSearch({ from: "/signed-in/vehicles/$vin" });
  const navigate = useNavigate({ from: "/vehicles/$vin" });
  const { data, error, refetch } = useQuery(ecusQuery(vin, at));
  const go = (search: { at?: string }) => {
    void navigate({ search, replace: true, resetScroll: false });
  };
  return (
    <Panel
      title={t.ecus}
      aside={
        <div className={classes.asOf}>
          <TextInput
            size="xs"
            type="datetime-local"
            step={1}
            aria-label={t.asOf}
            value={localTime(at)}
            onChange={(event) => {
              go(readAsOf({ at: timeOfField(event.currentTarget.value) }));
            }}
          />
          <Button
            size="xs"
            variant={at === undefined ? "light" : "default"}
            aria-pressed={at === undefined}
            onClick={() => {
              go({});
            }}
          >
            {t.now}
          </Button>
        </div>
      }
    >
      {data === undefined ? (
        <Pending error={error} retry={() => void refetch()} rows={2} />
      ) : data.length === 0 ? (
        <p className={classes.none}>{at === undefined ? t.noEcus : t.noEcusThen}</p>
      ) : (
        <Table
          label={t.ecus}
          minWidth={24}
          head={
            <>
              <th>{t.hardware}</th>
              <th>{t.version}</th>
              <th>{t.serial}</th>
              <th>{at === undefined ? t.reported : t.since}</th>
            </>
          }
        >
          {data.map((ecu) => (
            <tr key={ecu.hardware_id}>
              <th scope="row">{ecu.hardware_id}</th>
              <td>{ecu.version}</td>
              <td>{ecu.serial ?? "–"}</td>
              <td className={cell.time}>
                <When at={ecu.reported_at} />
              </td>
            </tr>
          ))}
        </Table>
      )}
    </Panel>
  );
}
