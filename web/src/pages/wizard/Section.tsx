import { ActionIcon, Button } from "@mantine/core";
import type { ReactNode } from "react";
import { PlusIcon, TrashIcon } from "../../components/icons";
import classes from "./Policies.module.css";

/** A group of policies under a heading. */
export function Section({ title, lead, children }: { title: string; lead?: string; children: ReactNode }) {
  return (
    <fieldset className={classes.section}>
      <legend>{title}</legend>
      <div className={classes.body}>
        {lead !== undefined && <p className={classes.lead}>{lead}</p>}
        {children}
      </div>
    </fieldset>
  );
}

interface RowsProps<R extends { key: number }> {
  rows: readonly R[];
  change: (rows: readonly R[]) => void;
  /** What a row is called, by its number from 1. */
  label: (number: number) => string;
  removeLabel: (number: number) => string;
  addLabel: string;
  make: (key: number) => R;
  most: number;
  children: (row: R, set: (changed: Partial<R>) => void, index: number) => ReactNode;
}

/** Some of the same, each to be removed, and a way to another. */
export function Rows<R extends { key: number }>(props: RowsProps<R>) {
  const { rows, change, label, removeLabel, addLabel, make, most, children } = props;
  return (
    <>
      {rows.map((row, index) => (
        <div key={row.key} role="group" aria-label={label(index + 1)} className={classes.row}>
          {children(
            row,
            (changed) => {
              change(rows.map((one) => (one === row ? { ...one, ...changed } : one)));
            },
            index,
          )}
          <ActionIcon
            variant="subtle"
            color="gray"
            className={classes.remove ?? ""}
            aria-label={removeLabel(index + 1)}
            onClick={() => {
              change(rows.filter((one) => one !== row));
            }}
          >
            <TrashIcon size={16} />
          </ActionIcon>
        </div>
      ))}
      {rows.length < most && (
        <div>
          <Button
            size="compact-xs"
            variant="light"
            leftSection={<PlusIcon size={12} />}
            onClick={() => {
              change([...rows, make(Math.max(-1, ...rows.map((row) => row.key)) + 1)]);
            }}
          >
            {addLabel}
          </Button>
        </div>
      )}
    </>
  );
}
