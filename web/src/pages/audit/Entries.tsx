import type { AuditEntry, Json } from "../../api/model";
import { Hash } from "../../components/Hash";
import { cell, Table } from "../../components/Table";
import { formatAbsolute } from "../../format/time";
import { text } from "../../i18n";
import { linesOf, nameOf, wordsOf } from "../../rollout/content";
import { actionLabel } from "../../rollout/wording";
import classes from "./Audit.module.css";
import { ObjectLink } from "./ObjectLink";

/** In a line; of what has a digest, its beginning. */
function detailsOf(details: Json): string {
  const said = linesOf(details).filter((line) => line.value !== null);
  const words = said.map((line) => `${nameOf(line.path)}: ${wordsOf(line)}`).join(" · ");
  return words.replace(/\b([0-9a-f]{8})[0-9a-f]{56}\b/g, "$1…");
}

/** Entries of the log, the newest first. */
export function Entries({ entries }: { entries: readonly AuditEntry[] }) {
  const t = text().audit;
  return (
    <Table
      label={t.entries}
      minWidth={60}
      head={
        <>
          <th className={cell.number}>{t.entry}</th>
          <th>{t.at}</th>
          <th>{t.actor}</th>
          <th>{t.action}</th>
          <th>{t.object}</th>
          <th>{t.details}</th>
          <th>{t.digest}</th>
        </>
      }
    >
      {entries.map((entry) => (
        <tr key={entry.id}>
          <th scope="row" className={cell.number}>
            {entry.id}
          </th>
          <td className={cell.time}>
            <time dateTime={entry.at}>{formatAbsolute(Date.parse(entry.at))}</time>
          </td>
          <td>{entry.actor}</td>
          <td className={classes.action}>{actionLabel(entry.action)}</td>
          <td>
            <ObjectLink object={entry.object} />
          </td>
          <td className={classes.details}>{detailsOf(entry.details)}</td>
          <td>
            <Hash digits={8} value={entry.digest} label={t.copyDigestOf(entry.id)} />
          </td>
        </tr>
      ))}
    </Table>
  );
}
