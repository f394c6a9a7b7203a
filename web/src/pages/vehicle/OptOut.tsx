import { Switch } from "@mantine/core";
import { useState } from "react";
import { mayAct } from "../../api/acts";
import { setOptedOut } from "../../api/client";
import type { Vehicle } from "../../api/model";
import { keys } from "../../api/queries";
import { Ask } from "../../components/Ask";
import { text } from "../../i18n";

/** Whether the vehicle's holder wants no updates over the air; it is asked before that changes. */
export function OptOut({ vehicle }: { vehicle: Vehicle }) {
  const t = text().vehicle;
  const [asking, setAsking] = useState(false);
  const out = vehicle.opted_out;
  if (!mayAct("optOut") || vehicle.retired_at != null) return out ? t.wantsNone : t.wantsUpdates;
  return (
    <>
      <Switch
        size="xs"
        label={t.wantsNone}
        checked={out}
        onChange={() => {
          setAsking(true);
        }}
      />
      {asking && (
        <Ask
          title={out ? t.optInAsk(vehicle.vin) : t.optOutAsk(vehicle.vin)}
          effects={out ? t.optInEffects : t.optOutEffects}
          confirm={out ? t.optInConfirm : t.optOutConfirm}
          reason="none"
          run={() => setOptedOut(vehicle.vin, !out)}
          touched={[keys.vehicle(vehicle.vin), keys.vehicles]}
          close={() => {
            setAsking(false);
          }}
        />
      )}
    </>
  );
}
