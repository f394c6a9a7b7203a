import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { rxswinsQuery } from "../../api/queries";
import { StampIcon } from "../../components/icons";
import { ListPage } from "../../components/ListPage";
import { Notice } from "../../components/Notice";
import { PageHeader } from "../../components/PageHeader";
import { Panel } from "../../components/Panel";
import { cell, rowLink, Table } from "../../components/Table";
import { formatCount } from "../../format/number";
import { text } from "../../i18n";
import page from "../Page.module.css";

/** The register of RXSWINs. */
export function Rxswins() {
  const t = text().rxswins;
  const query = useInfiniteQuery(rxswinsQuery);
  return (
    <div className={page.page}>
      <PageHeader title={t.title} lead={t.lead} />
      <Panel title={text().common.all}>
        <ListPage
          query={query}
          empty={
            <Notice icon={<StampIcon size={26} />} title={t.none}>
              {t.noneText}
            </Notice>
          }
        >
          {(rxswins) => (
            <Table
              label={t.title}
              minWidth={28}
              head={
                <>
                  <th>{t.number}</th>
                  <th className={cell.number}>{t.vehicles}</th>
                  <th className={cell.number}>{t.releases}</th>
                </>
              }
            >
              {rxswins.map((one) => (
                <tr key={one.rxswin}>
                  <th scope="row">
                    <Link to="/rxswins/$rxswin" params={{ rxswin: one.rxswin }} className={rowLink}>
                      {one.rxswin}
                    </Link>
                  </th>
                  <td className={cell.number}>{formatCount(one.vehicles)}</td>
                  <td className={cell.number}>{formatCount(one.releases.length)}</td>
                </tr>
              ))}
            </Table>
          )}
        </ListPage>
      </Panel>
    </div>
  );
}
