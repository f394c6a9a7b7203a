import { Field, Tick, type FaultOf } from "../../components/fields";
import { text } from "../../i18n";
import type { DraftGate } from "../../plan/waves";
import classes from "./Policies.module.css";

interface GateFieldsProps {
  gate: DraftGate;
  change: (gate: DraftGate) => void;
  /** Of what has the gate, as a JSON pointer. */
  at: string;
  fault: FaultOf;
  label: string;
}

/** What must hold of a wave beside the share that has installed. */
export function GateFields({ gate, change, at, fault, label }: GateFieldsProps) {
  const t = text().plan;
  const field = (name: "success" | "reported" | "within" | "healthy" | "soak", words: string, part: string, unit?: string) => (
    <Field
      label={words}
      value={gate[name]}
      fault={fault(`${at}/gate/${part}`)}
      {...(unit === undefined ? { placeholder: "2 h" } : { unit })}
      change={(value) => {
        change({ ...gate, [name]: value });
      }}
    />
  );
  return (
    <div role="group" aria-label={label} className={classes.gate}>
      <p className={classes.lead}>{t.gateFields}</p>
      <div className={classes.fields}>
        {field("success", t.success, "success_ratio", "%")}
        {field("reported", t.reported, "reported_ratio", "%")}
        {field("within", t.within, "report_within_secs")}
        {field("healthy", t.healthy, "healthy_ratio", "%")}
        {field("soak", t.soak, "soak_secs")}
        <Tick
          label={t.approval}
          checked={gate.approval}
          change={(approval) => {
            change({ ...gate, approval });
          }}
        />
      </div>
    </div>
  );
}
