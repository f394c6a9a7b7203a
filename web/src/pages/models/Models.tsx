import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { Model } from "../../api/model";
import { fleetQuery, modelsQuery } from "../../api/queries";
import { may } from "../../api/session";
import { Chips } from "../../components/Facts";
import { Pending } from "../../components/Pending";
import { ChipIcon, PlusIcon } from "../../components/icons";
import { Notice } from "../../components/Notice";
import { PageHeader } from "../../components/PageHeader";
import { Panel } from "../../components/Panel";
import { Badge } from "../../components/StateBadge";
import { cell, rowLink, Table } from "../../components/Table";
import { When } from "../../components/When";
import { formatCount } from "../../format/number";
import { text } from "../../i18n";
import page from "../Page.module.css";
import { NewModel } from "./NewModel";
import { ReviewSwitch } from "./ReviewSwitch";
import { MODEL_COLORS } from "./states";

/** The vehicle models, their ECUs, and whether their repositories are signed. */
export function Models() {
  const t = text().models;
  const { data, error, refetch } = useQuery(modelsQuery);
  const [creating, setCreating] = useState(false);
  return (
    <div className={page.page}>
      <PageHeader
        title={t.title}
        actions={
          may("engineer") && (
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
        {data === undefined ? (
          <Pending error={error} retry={() => void refetch()} />
        ) : data.length === 0 ? (
          <Notice icon={<ChipIcon size={26} />} title={text().fleet.modelsNone}>
            {text().fleet.modelsNoneText}
          </Notice>
        ) : (
          <List models={data} />
        )}
      </Panel>
      {creating && (
        <NewModel
          close={() => {
            setCreating(false);
          }}
        />
      )}
    </div>
  );
}

function List({ models }: { models: readonly Model[] }) {
  const t = text().models;
  const { data: fleet } = useQuery(fleetQuery);
  const vehicles = new Map(fleet?.models.map((model) => [model.model, model.vehicles]));
  return (
    <Table
      label={t.title}
      minWidth={54}
      head={
        <>
          <th>{t.name}</th>
          <th>{t.state}</th>
          <th>{t.hardware}</th>
          <th>{t.review}</th>
          <th className={cell.number}>{t.vehicles}</th>
          <th>{t.topic}</th>
          <th>{t.created}</th>
        </>
      }
    >
      {models.map((model) => (
        <tr key={model.id}>
          <th scope="row">
            <Link to="/models/$model" params={{ model: model.id }} className={rowLink}>
              {model.name}
            </Link>
            <small>{model.id}</small>
          </th>
          <td>
            <Badge label={text().modelStates[model.state]} color={MODEL_COLORS[model.state]} />
            {model.state === "awaiting_root" && <small>{t.hint}</small>}
            {model.pending_targets != null && <small>{t.waitsForApprover(model.pending_targets)}</small>}
            {model.metadata
              .filter((file) => file.soon)
              .map((file) => (
                <small key={`${file.role} ${file.waiting}`}>
                  {t.expiresSoon(file.role, file.waiting)} <When at={file.expires_at} />
                </small>
              ))}
          </td>
          <td>
            <Chips words={model.hardware.map((one) => one.hardware_id)} />
          </td>
          <td>
            <ReviewSwitch model={model} />
          </td>
          <td className={cell.number}>
            <Link to="/vehicles" search={{ model: model.id }}>
              {formatCount(vehicles.get(model.id) ?? 0)}
            </Link>
          </td>
          <td className={cell.quiet}>{model.topic}</td>
          <td className={cell.time}>
            <When at={model.created_at} />
            <small>{text().releases.by(model.created_by)}</small>
          </td>
        </tr>
      ))}
    </Table>
  );
}
