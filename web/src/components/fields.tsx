/** Fields of the longer forms: a label, what it means, what is wrong with it, and its unit. */

import { Checkbox, TextInput } from "@mantine/core";
import classes from "./fields.module.css";

/** What is wrong with the field at a JSON pointer, by this page's own check or the server's. */
export type FaultOf = (pointer: string) => string | undefined;

interface FieldProps {
  label: string;
  value: string;
  change: (value: string) => void;
  hint?: string | undefined;
  fault?: string | undefined;
  /** Behind the value: `%`. */
  unit?: string;
  placeholder?: string;
  /** The label is only spoken: what is around the field says it. */
  bare?: boolean;
  type?: "text" | "time" | "date" | "datetime-local";
  most?: number;
}

export function Field({ label, value, change, hint, fault, unit, placeholder, bare = false, type = "text", most = 500 }: FieldProps) {
  return (
    <TextInput
      size="xs"
      type={type}
      {...(bare ? { "aria-label": label } : { label, description: hint })}
      value={value}
      error={fault}
      maxLength={most}
      spellCheck={false}
      {...(placeholder === undefined ? {} : { placeholder })}
      {...(unit === undefined ? {} : { rightSection: <span className={classes.unit}>{unit}</span>, inputMode: "decimal" as const })}
      onChange={(event) => {
        change(event.currentTarget.value);
      }}
    />
  );
}

interface TickProps {
  label: string;
  hint?: string | undefined;
  checked: boolean;
  change: (checked: boolean) => void;
  disabled?: boolean;
}

export function Tick({ label, hint, checked, change, disabled = false }: TickProps) {
  return (
    <Checkbox
      size="sm"
      label={label}
      description={hint}
      checked={checked}
      disabled={disabled}
      onChange={(event) => {
        change(event.currentTarget.checked);
      }}
    />
  );
}
