import { Button } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { mayAct } from "../../api/acts";
import type { Group } from "../../api/model";
import { groupsQuery } from "../../api/queries";
import { CarsIcon, PlusIcon } from "../../components/icons";
import { ListPage } from "../../components/ListPage";
import { Notice } from "../../components/Notice";
import { PageHeader } from "../../components/PageHeader";
import { Panel } from "../../components/Panel";
import { cell, rowLink, Table } from "../../components/Table";
import { When } from "../../components/When";
import { text } from "../../i18n";
import page from "../Page.module.css";
import { kindOf } from "./form";
import { NewGroup } from "./NewGroup";

/** The saved groups of vehicles. */
export function Groups() {
  const t = text().groups;
  const query = useInfiniteQuery(groupsQuery);
  const [creating, setCreating] = useState(false);
  return (
    <div className={page.page}>
      <PageHeader
        title={t.title}
        lead={t.lead}
        back={{ to: "/vehicles", label: text().vehicles.title }}
        actions={
          mayAct("createGroup") && (
            <Button
              leftSection={<PlusIcon size={16} />}
              onClick={() => {
                setCreating(true);
              }}
            >
              {t.create}
            </Button>
          )
        }
      />
      <Panel title={text().common.all}>
        <ListPage
          query={query}
          empty={
            <Notice icon={<CarsIcon size={26} />} title={t.none}>
              {t.noneText}
            </Notice>
          }
        >
          {(groups) => <List groups={groups} />}
        </ListPage>
      </Panel>
      {creating && (
        <NewGroup
          close={() => {
            setCreating(false);
          }}
        />
      )}
    </div>
  );
}

function List({ groups }: { groups: readonly Group[] }) {
  const t = text().groups;
  return (
    <Table
      label={t.title}
      minWidth={44}
      head={
        <>
          <th>{t.name}</th>
          <th>{t.kind}</th>
          <th>{t.expression}</th>
          <th>{t.created}</th>
        </>
      }
    >
      {groups.map((group) => (
        <tr key={group.id}>
          <th scope="row">
            <Link to="/groups/$group" params={{ group: group.id }} className={rowLink}>
              {group.name}
            </Link>
            <small>{group.id}</small>
          </th>
          <td>{t.kinds[kindOf(group)]}</td>
          <td>{group.expression == null ? "–" : <code>{group.expression}</code>}</td>
          <td className={cell.time}>
            <When at={group.created_at} />
            <small>{group.created_by}</small>
          </td>
        </tr>
      ))}
    </Table>
  );
}
