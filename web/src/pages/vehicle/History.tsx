import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { ecuHistoryQuery } from "../../api/queries";
import { Panel } from "../../components/Panel";
import { Pending } from "../../components/Pending";
import { cell, Table } from "../../components/Table";
import { formatCount } from "../../format/number";
import { formatAbsolute } from "../../format/time";
import { text } from "../../i18n";
import { withBefore } from "../../rollout/history";
import page from "../Page.module.css";

const FIRST_SHOWN = 20;

/** Every change of what the ECUs run, the newest first, each with a way to the vehicle as it was then. */
export function History({ vin }: { vin: string }) {
  const t = text().past;
  const { data, error, refetch } = useQuery(ecuHistoryQuery(vin));
  const [all, setAll] = useState(false);
  const changes = withBefore(data ?? []);
  const shown = all ? changes : changes.slice(0, FIRST_SHOWN);
  return (
    <Panel title={t.history}>
      {data === undefined ? (
        <Pending error={error} retry={() => void refetch()} rows={3} />
      ) : data.length === 0 ? (
        <p className={page.quiet}>{t.historyNone}</p>
      ) : (
        <Table
          label={t.history}
          minWidth={34}
          head={
            <>
              <th>{t.at}</th>
              <th>{text().vehicle.hardware}</th>
              <th>{text().vehicle.version}</th>
              <th>{text().vehicle.serial}</th>
            </>
          }
        >
          {shown.map(({ change, before }) => (
            <tr key={`${change.at} ${change.hardware_id}`}>
              <th scope="row" className={cell.time}>
                <Link to="/vehicles/$vin" params={{ vin }} search={{ at: change.at }} resetScroll={false}>
                  {formatAbsolute(Date.parse(change.at))}
                </Link>
              </th>
              <td>{change.hardware_id}</td>
              <td>
                {change.version ?? t.gone}
                {before !== undefined && before !== change.version && <small>{`${t.was} ${before ?? t.gone}`}</small>}
              </td>
              <td>{change.serial ?? "–"}</td>
            </tr>
          ))}
        </Table>
      )}
      {shown.length < changes.length && (
        <Button
          variant="subtle"
          size="xs"
          onClick={() => {
            setAll(true);
          }}
        >
          {t.earlierOnes(formatCount(changes.length - shown.length))}
        </Button>
      )}
    </Panel>
  );
}
