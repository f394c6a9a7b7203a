import type { Model } from "../../api/model";
import { Panel } from "../../components/Panel";
import { Badge } from "../../components/StateBadge";
import { cell, Table } from "../../components/Table";
import { When } from "../../components/When";
import { formatAbsolute } from "../../format/time";
import { text } from "../../i18n";
import page from "../Page.module.css";

/** When each file of the model's repository expires, and whether somebody has to see to it. */
export function Expiries({ model }: { model: Model }) {
  const t = text().keys;
  return (
    <Panel title={t.expiries}>
      {model.metadata.length === 0 ? (
        <p className={page.quiet}>{t.noMetadata}</p>
      ) : (
        <Table
          label={t.expiries}
          minWidth={34}
          head={
            <>
              <th>{t.file}</th>
              <th>{t.expires}</th>
              <th>{t.renewed}</th>
              <th />
            </>
          }
        >
          {model.metadata.map((one) => (
            <tr key={`${one.role} ${one.waiting}`}>
              <th scope="row">
                {one.role}.json
                {one.waiting && <small>{t.waitsToBePublished}</small>}
              </th>
              <td className={cell.time}>
                <When at={one.expires_at} />
                <small>{formatAbsolute(Date.parse(one.expires_at))}</small>
              </td>
              <td className={cell.quiet}>{one.role === "root" ? t.byPeople : one.waiting ? t.byApprover : t.byItself}</td>
              <td>{one.soon && <Badge label={t.soon} color="var(--state-failed)" />}</td>
            </tr>
          ))}
        </Table>
      )}
    </Panel>
  );
}
