import { Alert, Button, Group, List, Modal, Stack } from "@mantine/core";
import type { ReactNode } from "react";
import { asApiError } from "../api/errors";
import { text } from "../i18n";

interface ConfirmProps {
  title: string;
  /** What will happen, a sentence each. */
  effects: readonly string[];
  confirm: string;
  /** It cannot be undone. */
  final?: boolean;
  back?: string;
  /** Whether all that is needed is there. */
  ready?: boolean;
  busy: boolean;
  error: unknown;
  close: () => void;
  submit: () => void;
  children?: ReactNode;
}

/** Asks before something happens, and tells what. */
export function Confirm(props: ConfirmProps) {
  const { title, effects, confirm, final = false, back, ready = true, busy, error, close, submit, children } = props;
  return (
    <Modal opened onClose={close} title={title} centered size="md" closeButtonProps={{ "aria-label": text().common.close }}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (ready) submit();
        }}
      >
        <Stack gap="md">
          <List size="sm" spacing={6}>
            {effects.map((effect) => (
              <List.Item key={effect}>{effect}</List.Item>
            ))}
          </List>
          {children}
          <Refused error={error} />
          <Group justify="flex-end" gap="sm">
            <Button variant="default" onClick={close}>
              {back ?? text().common.back}
            </Button>
            <Button type="submit" disabled={!ready} loading={busy} {...(final ? { color: "red.8" } : {})}>
              {confirm}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

/** Why something that was asked for was not done. */
export function Refused({ error, title = text().errors.notDone }: { error: unknown; title?: string }) {
  if (error == null) return null;
  return (
    <Alert color="red" variant="light" title={title} role="alert">
      {asApiError(error).message}
    </Alert>
  );
}
