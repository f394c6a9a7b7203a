import { Link } from "@tanstack/react-router";
import type { FleetModel } from "../../api/model";
import { ShipIcon } from "../../components/icons";
import { Notice } from "../../components/Notice";
import { Panel } from "../../components/Panel";
import { formatCount } from "../../format/number";
import { text } from "../../i18n";
import classes from "./Models.module.css";

/** The models with their vehicles, the largest first. */
export function Models({ models }: { models: readonly FleetModel[] }) {
  const t = text().fleet;
  const largest = Math.max(1, ...models.map((model) => model.vehicles));
  const sorted = [...models].sort((a, b) => b.vehicles - a.vehicles || a.name.localeCompare(b.name));
  return (
    <Panel title={t.models}>
      {sorted.length === 0 ? (
        <Notice icon={<ShipIcon size={26} />} title={t.modelsNone}>
          {t.modelsNoneText}
        </Notice>
      ) : (
        <ul className={classes.models}>
          {sorted.map((model) => (
            <li key={model.model} className={classes.model}>
              <div className={classes.name}>
                <Link to="/vehicles" search={{ model: model.model }}>
                  {model.name}
                </Link>
                <span>{model.model}</span>
              </div>
              <span className={classes.count}>
                {formatCount(model.vehicles)}
                <span>{t.onlineOfModel(formatCount(model.online))}</span>
              </span>
              <span className={classes.track} aria-hidden="true">
                <span style={{ "--ratio": model.vehicles / largest }}>
                  <span style={{ "--ratio": model.vehicles === 0 ? 0 : model.online / model.vehicles }} />
                </span>
              </span>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}
