import { Button } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { Release } from "../../api/model";
import { releasesQuery } from "../../api/queries";
import { may } from "../../api/session";
import { BoxIcon, PlusIcon } from "../../components/icons";
import { ListPage } from "../../components/ListPage";
import { Notice } from "../../components/Notice";
import { PageHeader } from "../../components/PageHeader";
import { Panel } from "../../components/Panel";
import { cell, rowLink, Table } from "../../components/Table";
import { When } from "../../components/When";
import { text } from "../../i18n";
import page from "../Page.module.css";
import { ReleaseBadge } from "./ReleaseBadge";

/** The releases, newest first. */
export function Releases() {
  const t = text().releases;
  const query = useInfiniteQuery(releasesQuery);
  const create = may("engineer") && (
    <Button leftSection={<PlusIcon size={16} />} renderRoot={(props) => <Link to="/releases/new" {...props} />}>
      {t.create}
    </Button>
  );
  return (
    <div className={page.page}>
      <PageHeader title={t.title} actions={create} />
      <Panel title={text().common.all}>
        <ListPage
          query={query}
          empty={
            <Notice icon={<BoxIcon size={26} />} title={t.none}>
              {t.noneText}
            </Notice>
          }
        >
          {(releases) => <List releases={releases} />}
        </ListPage>
      </Panel>
    </div>
  );
}

function List({ releases }: { releases: readonly Release[] }) {
  const t = text().releases;
  return (
    <Table
      label={t.title}
      minWidth={46}
      head={
        <>
          <th>{t.name}</th>
          <th>{t.state}</th>
          <th>{t.images}</th>
          <th>{t.models}</th>
          <th>{t.created}</th>
        </>
      }
    >
      {releases.map((release) => (
        <tr key={release.id}>
          <th scope="row">
            <Link to="/releases/$id" params={{ id: release.id }} className={rowLink}>
              {release.name} {release.version}
            </Link>
            <small>{release.id}</small>
          </th>
          <td>
            <ReleaseBadge state={release.state} />
          </td>
          <td>{release.images.map((image) => `${image.hardware_id} ${image.version}`).join(", ")}</td>
          <td>{release.models.join(", ")}</td>
          <td className={cell.time}>
            <When at={release.created_at} />
            <small>{t.by(release.created_by)}</small>
          </td>
        </tr>
      ))}
    </Table>
  );
}
