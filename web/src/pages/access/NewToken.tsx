import { Alert, Button, Code, Group, Modal, NativeSelect, Stack, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { createToken } from "../../api/client";
import type { IssuedToken, Role } from "../../api/model";
import { keys } from "../../api/queries";
import { ROLES } from "../../api/session";
import { FormEnd } from "../../components/FormEnd";
import { CopyButton } from "../../components/CopyButton";
import { text } from "../../i18n";
import classes from "./NewToken.module.css";
import { Scopes } from "./Scopes";
import { scopeOf } from "./scopes";

/** A token is issued and shown, once. */
export function NewToken({ close }: { close: () => void }) {
  const t = text().access;
  const client = useQueryClient();
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const [days, setDays] = useState("90");
  const [models, setModels] = useState<readonly string[]>([]);
  const [calls, setCalls] = useState<readonly string[]>([]);
  const creating = useMutation({
    mutationFn: () =>
      createToken({
        name: name.trim(),
        role,
        ...scopeOf(models, calls),
        ...(days.trim() === "" ? {} : { valid_days: Number(days) }),
      }),
    onSettled: () => client.invalidateQueries({ queryKey: keys.tokens }),
  });
  const valid = days.trim() === "" || /^\d{1,4}$/.test(days.trim());
  return (
    <Modal opened onClose={close} title={t.create} centered size="md" closeButtonProps={{ "aria-label": text().common.close }}>
      {creating.data ? (
        <Issued token={creating.data} close={close} />
      ) : (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (valid && name.trim() !== "") creating.mutate();
          }}
        >
          <Stack gap="md">
            <TextInput
              label={t.formName}
              description={t.formNameHint}
              value={name}
              maxLength={100}
              data-autofocus
              onChange={(event) => {
                setName(event.currentTarget.value);
              }}
            />
            <NativeSelect
              label={t.role}
              description={t.roleHints[role]}
              value={role}
              data={ROLES.map((one) => ({ value: one, label: text().roles[one] }))}
              onChange={(event) => {
                setRole(ROLES.find((one) => one === event.currentTarget.value) ?? "viewer");
              }}
            />
            <TextInput
              label={t.formDays}
              description={t.formDaysHint}
              value={days}
              inputMode="numeric"
              maxLength={4}
              onChange={(event) => {
                setDays(event.currentTarget.value);
              }}
            />
            <Scopes models={models} calls={calls} chooseModels={setModels} chooseCalls={setCalls} />
            <FormEnd
              error={creating.error}
              title={t.refused}
              label={text().common.create}
              ready={name.trim() !== "" && valid}
              busy={creating.isPending}
              close={close}
            />
          </Stack>
        </form>
      )}
    </Modal>
  );
}

function Issued({ token, close }: { token: IssuedToken; close: () => void }) {
  const t = text().access;
  return (
    <Stack gap="md">
      <Alert color="yellow" variant="light" title={t.issued}>
        {t.issuedText}
      </Alert>
      <div className={classes.secret}>
        <Code>{token.token}</Code>
        <CopyButton value={token.token} label={text().common.copy} />
      </div>
      <Group justify="flex-end">
        <Button onClick={close}>{text().common.close}</Button>
      </Group>
    </Stack>
  );
}
