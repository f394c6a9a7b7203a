import { Button } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Fragment, useState } from "react";
import { mayAct } from "../../api/acts";
import type { Campaign, Steps } from "../../api/model";
import { excludedQuery, keys, releaseQuery, stepsQuery, touchedByCommand } from "../../api/queries";
import { prepareSteps } from "../../api/steps";
import { Ask } from "../../components/Ask";
import { Panel } from "../../components/Panel";
import { ReleaseName } from "../../components/ReleaseName";
import { cell, Table } from "../../components/Table";
import { formatCount, plural } from "../../format/number";
import { text } from "../../i18n";
import { hasEnded } from "../../rollout/states";
import page from "../Page.module.css";

/** Who is not ready for the release yet, over which releases they come to it, and drafts for these. Nothing where all are. */
export function StepsTo({ campaign }: { campaign: Campaign }) {
  const t = text().watch.steps;
  const [asking, setAsking] = useState(false);
  const needed = useNeeded(campaign);
  const { data } = useQuery({ ...stepsQuery(campaign.id), enabled: needed });
  if (data === undefined || (data.stuck.length === 0 && data.items.length === 0)) return null;
  const ready = data.items.length === 0 && data.stuck.some((one) => one.way !== null);
  return (
    <Panel
      title={t.title}
      aside={
        ready &&
        mayAct("prepareSteps") && (
          <Button
            size="xs"
            variant="default"
            onClick={() => {
              setAsking(true);
            }}
          >
            {t.prepare}
          </Button>
        )
      }
    >
      <p className={page.quiet}>{data.stuck.length === 0 ? t.none : t.lead}</p>
      {data.stuck.length > 0 && <Stuck steps={data} />}
      {data.items.length > 0 && <Prepared steps={data} />}
      {asking && (
        <Ask
          title={t.ask}
          effects={t.effects}
          confirm={t.confirm}
          reason="none"
          run={() => prepareSteps(campaign.id)}
          touched={[...touchedByCommand(campaign.id), keys.steps(campaign.id), keys.groups, keys.audit]}
          close={() => {
            setAsking(false);
          }}
        />
      )}
    </Panel>
  );
}

/** Whether somebody may have to go a way at all: who does is looked for among all vehicles, which is worth it only then. */
function useNeeded(campaign: Campaign): boolean {
  const { data: release } = useQuery(releaseQuery(campaign.release));
  const { data: excluded } = useInfiniteQuery({ ...excludedQuery(campaign.id, {}), enabled: campaign.members != null });
  const requires = release?.images.some((image) => image.requires.length > 0) ?? false;
  const left = excluded?.pages[0]?.reasons.some((one) => one.reason === "dependency_not_met") ?? false;
  return requires && !hasEnded(campaign.state) && (campaign.members == null || left);
}

function Stuck({ steps }: { steps: Steps }) {
  const t = text().watch.steps;
  return (
    <Table
      label={t.title}
      minWidth={40}
      head={
        <>
          <th className={cell.number}>{t.vehicles}</th>
          <th>{text().vehicles.model}</th>
          <th>{t.running}</th>
          <th>{t.misses}</th>
          <th>{t.way}</th>
        </>
      }
    >
      {steps.stuck.map((one) => (
        <tr key={`${one.model} ${JSON.stringify(one.running)}`}>
          <td className={cell.number}>{formatCount(one.vehicles)}</td>
          <td>{one.model}</td>
          <td>
            {Object.entries(one.running)
              .map(([ecu, version]) => `${ecu} ${version}`)
              .join(", ")}
          </td>
          <td>{one.misses}</td>
          <td>
            {one.way === null ? (
              <span className={cell.quiet}>{t.noWay}</span>
            ) : (
              one.way.map((release, index) => (
                <Fragment key={release}>
                  {index > 0 && " → "}
                  <Link to="/releases/$id" params={{ id: release }}>
                    <ReleaseName id={release} />
                  </Link>
                </Fragment>
              ))
            )}
          </td>
        </tr>
      ))}
    </Table>
  );
}

function Prepared({ steps }: { steps: Steps }) {
  return (
    <ul className={page.list} aria-label={text().watch.steps.prepared}>
      {steps.items.map((item) => (
        <li key={item.campaign}>
          {text().watch.steps.prepared}:{" "}
          <Link to="/campaigns/$id" params={{ id: item.campaign }} search={{}}>
            {text().campaign.number(item.campaign)}
          </Link>{" "}
          · <ReleaseName id={item.release} /> · {plural(item.vehicles, text().count.vehicle)}
        </li>
      ))}
    </ul>
  );
}
