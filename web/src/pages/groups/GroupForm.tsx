import { Modal, Stack, TextInput } from "@mantine/core";
import type { ReactNode } from "react";
import { faultAt } from "../../api/errors";
import { CelEditor } from "../../components/CelEditor";
import { FormEnd } from "../../components/FormEnd";
import { text } from "../../i18n";
import { VEHICLE_FIELDS } from "../../rollout/expression";

interface GroupFormProps {
  title: string;
  /** What the button says. */
  label: string;
  /** What stands above a refusal that no field shows. */
  refused?: string;
  name: string;
  changeName: (name: string) => void;
  /** Undefined for a list. */
  expression: string | undefined;
  changeExpression: (expression: string) => void;
  ready: boolean;
  busy: boolean;
  error: Error | null;
  submit: () => void;
  close: () => void;
  /** Between the name and the expression. */
  children?: ReactNode;
}

/** The dialog of a group, new or known; what the server refuses is told at its field. */
export function GroupForm(props: GroupFormProps) {
  const { title, label, refused, name, changeName, expression, changeExpression } = props;
  const { ready, busy, error, submit, close, children } = props;
  const t = text().groups;
  const atField = faultAt(error, "/id", "/name", "/expression") !== undefined;
  return (
    <Modal opened onClose={close} title={title} centered size="lg" closeButtonProps={{ "aria-label": text().common.close }}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (ready) submit();
        }}
      >
        <Stack gap="md">
          <TextInput
            label={t.formName}
            value={name}
            maxLength={200}
            data-autofocus
            error={faultAt(error, "/name")?.message}
            onChange={(event) => {
              changeName(event.currentTarget.value);
            }}
          />
          {children}
          {expression !== undefined && (
            <CelEditor
              label={t.expression}
              description={t.expressionHint}
              value={expression}
              change={changeExpression}
              fault={faultAt(error, "/expression")}
              fields={VEHICLE_FIELDS}
            />
          )}
          <FormEnd
            error={atField ? null : error}
            {...(refused === undefined ? {} : { title: refused })}
            label={label}
            ready={ready}
            busy={busy}
            close={close}
          />
        </Stack>
      </form>
    </Modal>
  );
}
