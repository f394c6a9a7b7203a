import { Button, Group } from "@mantine/core";
import { text } from "../i18n";
import { Refused } from "./Confirm";

interface FormEndProps {
  /** Why the server refused what was sent; null until it does. */
  error: Error | null;
  /** What stands above the refusal. */
  title?: string;
  /** What the button says that sends the form. */
  label: string;
  ready: boolean;
  busy: boolean;
  close: () => void;
}

/** The end of a form in a dialog: why it was refused, and the ways out. */
export function FormEnd({ error, title, label, ready, busy, close }: FormEndProps) {
  return (
    <>
      <Refused error={error} {...(title === undefined ? {} : { title })} />
      <Group justify="flex-end">
        <Button variant="default" onClick={close}>
          {text().common.cancel}
        </Button>
        <Button type="submit" disabled={!ready} loading={busy}>
          {label}
        </Button>
      </Group>
    </>
  );
}
