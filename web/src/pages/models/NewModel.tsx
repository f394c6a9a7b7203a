import { ActionIcon, Button, Checkbox, Modal, Stack, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { createModel } from "../../api/client";
import { keys } from "../../api/queries";
import { FormEnd } from "../../components/FormEnd";
import { PlusIcon, TrashIcon } from "../../components/icons";
import { text } from "../../i18n";
import classes from "./NewModel.module.css";

interface HardwareRow {
  key: number;
  hardware_id: string;
  name: string;
}

/** A new vehicle model with its ECUs. */
export function NewModel({ close }: { close: () => void }) {
  const t = text().models;
  const client = useQueryClient();
  const [id, setId] = useState("");
  const [name, setName] = useState("");
  const [checkDigit, setCheckDigit] = useState(false);
  const [rows, setRows] = useState<readonly HardwareRow[]>([{ key: 0, hardware_id: "", name: "" }]);
  const creating = useMutation({
    mutationFn: () =>
      createModel({
        id: id.trim(),
        name: name.trim(),
        vin_check_digit: checkDigit,
        hardware: rows.map((row) => ({ hardware_id: row.hardware_id.trim(), name: row.name.trim() || row.hardware_id.trim() })),
      }),
    onSuccess: close,
    onSettled: () =>
      Promise.all([client.invalidateQueries({ queryKey: keys.models }), client.invalidateQueries({ queryKey: keys.fleet })]),
  });
  const change = (key: number, changed: Partial<HardwareRow>) => {
    setRows(rows.map((row) => (row.key === key ? { ...row, ...changed } : row)));
  };
  const ready = id.trim() !== "" && name.trim() !== "" && rows.every((row) => row.hardware_id.trim() !== "");
  return (
    <Modal opened onClose={close} title={t.create} centered size="lg" closeButtonProps={{ "aria-label": text().common.close }}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (ready) creating.mutate();
        }}
      >
        <Stack gap="md">
          <TextInput
            label={t.formId}
            description={t.formIdHint}
            value={id}
            maxLength={64}
            data-autofocus
            spellCheck={false}
            onChange={(event) => {
              setId(event.currentTarget.value);
            }}
          />
          <TextInput label={t.formName} value={name} maxLength={200} onChange={(event) => { setName(event.currentTarget.value); }} />
          <fieldset className={classes.hardware}>
            <legend>{t.formHardware}</legend>
            {rows.map((row, index) => (
              <div key={row.key} className={classes.row}>
                <TextInput
                  aria-label={`${t.ecu(index + 1)}: ${t.formHardwareId}`}
                  placeholder={t.formHardwareId}
                  value={row.hardware_id}
                  maxLength={64}
                  spellCheck={false}
                  onChange={(event) => {
                    change(row.key, { hardware_id: event.currentTarget.value });
                  }}
                />
                <TextInput
                  aria-label={`${t.ecu(index + 1)}: ${t.formHardwareName}`}
                  placeholder={t.formHardwareName}
                  value={row.name}
                  maxLength={200}
                  onChange={(event) => {
                    change(row.key, { name: event.currentTarget.value });
                  }}
                />
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  aria-label={`${text().common.remove}: ${t.ecu(index + 1)}`}
                  disabled={rows.length === 1}
                  onClick={() => {
                    setRows(rows.filter((one) => one !== row));
                  }}
                >
                  <TrashIcon size={16} />
                </ActionIcon>
              </div>
            ))}
            <Button
              size="xs"
              variant="light"
              leftSection={<PlusIcon size={14} />}
              onClick={() => {
                setRows([...rows, { key: Math.max(...rows.map((row) => row.key)) + 1, hardware_id: "", name: "" }]);
              }}
            >
              {t.addHardware}
            </Button>
          </fieldset>
          <Checkbox
            label={t.checkDigit}
            checked={checkDigit}
            onChange={(event) => {
              setCheckDigit(event.currentTarget.checked);
            }}
          />
          <FormEnd
            error={creating.error}
            title={t.refused}
            label={text().common.create}
            ready={ready}
            busy={creating.isPending}
            close={close}
          />
        </Stack>
      </form>
    </Modal>
  );
}
