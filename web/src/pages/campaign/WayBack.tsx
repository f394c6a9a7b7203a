import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { mayAct } from "../../api/acts";
import type { Campaign, Undo } from "../../api/model";
import { keys, touchedByCommand, undoQuery } from "../../api/queries";
import { prepareUndo } from "../../api/undo";
import { Ask } from "../../components/Ask";
import { Panel } from "../../components/Panel";
import { plural } from "../../format/number";
import { text } from "../../i18n";
import { countOf } from "../../rollout/progress";
import page from "../Page.module.css";

/** Takes a campaign back: drafts that bring its vehicles to what they ran before. Of one that runs nothing is shown. */
export function WayBack({ campaign }: { campaign: Campaign }) {
  const t = text().undo;
  const [asking, setAsking] = useState(false);
  const [prepared, setPrepared] = useState<Undo>();
  const installed = countOf(campaign.counters, "installed");
  const still = installed > 0 && campaign.state !== "running";
  const { data } = useQuery({ ...undoQuery(campaign.id), enabled: still });
  if (!still || data === undefined) return null;
  const vehicles = (count: number) => plural(count, text().count.vehicle);
  const noWayBack = prepared?.no_way_back ?? [];
  return (
    <Panel
      title={t.title}
      aside={
        data.items.length === 0 &&
        mayAct("undo") && (
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
      {data.items.length === 0 ? (
        <p className={page.quiet}>{t.lead(vehicles(installed))}</p>
      ) : (
        <ul className={page.list}>
          {data.items.map((item) => (
            <li key={item.campaign}>
              <Link to="/campaigns/$id" params={{ id: item.campaign }} search={{}}>
                {text().campaign.number(item.campaign)}
              </Link>{" "}
              · {vehicles(item.vehicles)} ·{" "}
              <Link to="/releases/$id" params={{ id: item.release }}>
                {t.release}
              </Link>
            </li>
          ))}
        </ul>
      )}
      {noWayBack.map((one, index) => (
        <p key={index} role="status" className={page.quiet}>
          {t.noWayBack(
            vehicles(one.vehicles),
            one.lacks.map((lack) => (lack.version === null ? t.unknown(lack.hardware_id) : `${lack.hardware_id} ${lack.version}`)).join(", "),
          )}
        </p>
      ))}
      {asking && (
        <Ask
          title={t.ask}
          effects={t.effects}
          confirm={t.confirm}
          reason="none"
          run={() => prepareUndo(campaign.id)}
          touched={[...touchedByCommand(campaign.id), keys.undo(campaign.id), keys.releases, keys.audit]}
          done={setPrepared}
          close={() => {
            setAsking(false);
          }}
        />
      )}
    </Panel>
  );
}
