import { Field, type FaultOf } from "../../components/fields";
import { formatCount, formatPercent } from "../../format/number";
import { text } from "../../i18n";
import { numberOf } from "../../plan/typed";
import { rampShares, type DraftRamp } from "../../plan/waves";
import { GateFields } from "./GateFields";
import policies from "./Policies.module.css";
import type { PreviewState } from "./usePreview";
import classes from "./Wizard.module.css";

interface RampFieldsProps {
  ramp: DraftRamp;
  change: (ramp: DraftRamp) => void;
  preview: PreviewState;
  fault: FaultOf;
}

/** More waves than this are told by their number alone. */
const TOLD = 8;

/** Waves that grow by a factor, with the same gate behind each. */
export function RampFields({ ramp, change, preview, fault }: RampFieldsProps) {
  const t = text().plan;
  const wrong = ["/ramp/first_ratio", "/ramp/factor"].some((at) => fault(at) !== undefined);
  const shares = wrong ? [] : rampShares({ first_ratio: (numberOf(ramp.first) ?? 0) / 100, factor: numberOf(ramp.factor) ?? 2 });
  const sizes = preview.data?.waves.length === shares.length ? preview.data.waves : undefined;
  const told = shares.slice(0, TOLD).map((share, index) => {
    const size = sizes?.[index]?.size;
    return size === undefined ? formatPercent(share) : `${formatPercent(share)} (${formatCount(size)})`;
  });
  return (
    <>
      <div className={policies.fields}>
        <Field
          label={t.rampFirstShare}
          unit="%"
          value={ramp.first}
          fault={fault("/ramp/first_ratio")}
          change={(first) => {
            change({ ...ramp, first });
          }}
        />
        <Field
          label={t.rampGrows}
          unit="×"
          value={ramp.factor}
          fault={fault("/ramp/factor")}
          change={(factor) => {
            change({ ...ramp, factor });
          }}
        />
        <Field
          label={text().wizard.gate}
          unit="%"
          value={ramp.gate.installed}
          fault={fault("/ramp/gate_installed_ratio")}
          change={(installed) => {
            change({ ...ramp, gate: { ...ramp.gate, installed } });
          }}
        />
      </div>
      {shares.length > 0 && (
        <p className={classes.lead} aria-live="polite">
          {t.rampWaves(formatCount(shares.length), [...told, ...(shares.length > TOLD ? ["…"] : [])].join(" · "))}
        </p>
      )}
      <GateFields
        gate={ramp.gate}
        at="/ramp"
        fault={fault}
        label={t.rampGate}
        change={(gate) => {
          change({ ...ramp, gate });
        }}
      />
    </>
  );
}
