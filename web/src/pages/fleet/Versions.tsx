import { NativeSelect } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { FleetModel, HardwareVersions } from "../../api/model";
import { versionsQuery } from "../../api/queries";
import { Pending } from "../../components/Pending";
import { ChipIcon } from "../../components/icons";
import { Notice } from "../../components/Notice";
import { Panel } from "../../components/Panel";
import { formatCount, formatPercent, plural } from "../../format/number";
import { text } from "../../i18n";
import classes from "./Versions.module.css";

/** Which versions run on which ECUs: all of them, the newest first. */
export function Versions({ models }: { models: readonly FleetModel[] }) {
  const t = text().fleet;
  const [model, setModel] = useState("");
  const { data, error, refetch } = useQuery(versionsQuery(model === "" ? undefined : model));
  return (
    <Panel
      title={t.versions}
      aside={
        models.length > 1 && (
          <NativeSelect
            size="xs"
            aria-label={text().vehicles.model}
            value={model}
            data={[{ value: "", label: t.versionsAll }, ...models.map((one) => ({ value: one.model, label: one.name }))]}
            onChange={(event) => {
              setModel(event.currentTarget.value);
            }}
          />
        )
      }
    >
      {data !== undefined ? (
        <Spread hardware={data} />
      ) : (
        <Pending error={error} retry={() => void refetch()} rows={3} />
      )}
    </Panel>
  );
}

function Spread({ hardware }: { hardware: readonly HardwareVersions[] }) {
  const t = text().fleet;
  if (hardware.length === 0) {
    return (
      <Notice icon={<ChipIcon size={26} />} title={t.versionsNone}>
        {t.versionsNoneText}
      </Notice>
    );
  }
  return (
    <div className={classes.grid}>
      {hardware.map((one) => (
        <section key={one.hardware_id} aria-label={t.byVersion(one.hardware_id)}>
          <header className={classes.head}>
            <h3>{one.hardware_id}</h3>
            <span>{plural(one.vehicles, text().count.vehicle)}</span>
          </header>
          <ul className={classes.versions}>
            {one.versions.map(({ version, vehicles }, index) => (
              <li key={version}>
                <span className={classes.version}>{version}</span>
                <span className={classes.track} aria-hidden="true">
                  <span data-newest={index === 0} style={{ "--ratio": vehicles / one.vehicles }} />
                </span>
                <span className={classes.count}>{formatCount(vehicles)}</span>
                <span className={classes.share}>{formatPercent(vehicles / one.vehicles)}</span>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </div>
  );
}
