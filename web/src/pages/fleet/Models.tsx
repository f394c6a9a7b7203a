import type { FleetModel } from "../../api/model";
import { ShipIcon } from "../../components/icons";
import { Notice } from "../../components/Notice";
import { Panel } from "../../components/Panel";
import { Badge } from "../../components/StateBadge";
import { formatCount } from "../../format/number";
import classes from "./Models.module.css";

const LOOKS: Record<NonNullable<FleetModel["state"]>, { label: string; color: string; hint: string }> = {
  active: { label: "Active", color: "var(--state-installed)", hint: "" },
  awaiting_root: {
    label: "Awaiting root",
    color: "var(--state-declined)",
    hint: "Its root must be signed before it can be updated: otaru keys sign-root",
  },
  retired: { label: "Retired", color: "var(--state-cancelled)", hint: "" },
};

/** The models with their vehicles, the largest first. */
export function Models({ models }: { models: readonly FleetModel[] }) {
  const largest = Math.max(1, ...models.map((model) => model.vehicles));
  const sorted = [...models].sort((a, b) => b.vehicles - a.vehicles || a.name.localeCompare(b.name));
  return (
    <Panel title="Models">
      {sorted.length === 0 ? (
        <Notice icon={<ShipIcon size={26} />} title="No models yet">
          Create a model and import its vehicles over the <a href="/api/docs">REST API</a>.
        </Notice>
      ) : (
        <ul className={classes.models}>
          {sorted.map((model) => (
            <Model key={model.model} model={model} ratio={model.vehicles / largest} />
          ))}
        </ul>
      )}
    </Panel>
  );
}

function Model({ model, ratio }: { model: FleetModel; ratio: number }) {
  const look = model.state && LOOKS[model.state];
  return (
    <li className={classes.model}>
      <div className={classes.name}>
        <strong>{model.name}</strong>
        <span>{model.model}</span>
      </div>
      <span className={classes.state}>{look && <Badge label={look.label} color={look.color} />}</span>
      <span className={classes.count}>{formatCount(model.vehicles)}</span>
      <span className={classes.track} aria-hidden="true">
        <span style={{ "--ratio": ratio }} />
      </span>
      {look && look.hint !== "" && <span className={classes.hint}>{look.hint}</span>}
    </li>
  );
}
