import { Button, NativeSelect, TextInput } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import type { AuditFilter } from "../../api/evidence";
import { localTime, timeOfField } from "../../format/field";
import { text } from "../../i18n";
import { actionLabel } from "../../rollout/wording";
import { readAudit } from "../search";
import { useTyped } from "../useTyped";
import classes from "./Audit.module.css";

const VIN_LENGTH = 17;

/** Whose actions, which, about what and when. */
export function Filters({ filter }: { filter: AuditFilter }) {
  const t = text().audit;
  const navigate = useNavigate({ from: "/audit" });
  const { typed, type, choose } = useTyped(filter, (next: AuditFilter) => {
    // The API takes a whole VIN or none.
    const vin = next.vin?.length === VIN_LENGTH ? next.vin : undefined;
    void navigate({ search: readAudit({ ...next, vin }), replace: true });
  });
  const actions = Object.keys(text().audit.actions);
  if (typed.action !== undefined && typed.action !== "" && !actions.includes(typed.action)) actions.push(typed.action);
  const field = (name: "actor" | "object" | "vin", label: string, more: { maxLength: number; placeholder?: string }) => (
    <TextInput
      size="xs"
      label={label}
      value={typed[name] ?? ""}
      spellCheck={false}
      {...more}
      onChange={(event) => {
        const value = event.currentTarget.value;
        const other = name === "vin" ? { object: undefined } : name === "object" ? { vin: undefined } : {};
        type({ ...typed, ...other, [name]: name === "vin" ? value.toUpperCase() : value });
      }}
    />
  );
  const moment = (name: "since" | "until", label: string) => (
    <TextInput
      size="xs"
      type="datetime-local"
      step={1}
      label={label}
      value={localTime(typed[name])}
      onChange={(event) => {
        choose({ ...typed, [name]: timeOfField(event.currentTarget.value) });
      }}
    />
  );
  return (
    <div className={classes.filters} role="search" aria-label={t.title}>
      {field("actor", t.actor, { maxLength: 100 })}
      <NativeSelect
        size="xs"
        label={t.action}
        value={typed.action ?? ""}
        data={[
          { value: "", label: t.anyAction },
          ...actions.map((action) => ({ value: action, label: actionLabel(action) })),
        ]}
        onChange={(event) => {
          choose({ ...typed, action: event.currentTarget.value });
        }}
      />
      {field("object", t.object, { maxLength: 100, placeholder: "campaign-12" })}
      {field("vin", t.vin, { maxLength: VIN_LENGTH })}
      {moment("since", t.since)}
      {moment("until", t.until)}
      {Object.keys(filter).length > 0 && (
        <Button
          size="xs"
          variant="subtle"
          className={classes.clear ?? ""}
          onClick={() => {
            choose({});
          }}
        >
          {text().campaign.clear}
        </Button>
      )}
    </div>
  );
}
