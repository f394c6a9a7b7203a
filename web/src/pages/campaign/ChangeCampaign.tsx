import { Alert, Modal, Stack, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { Campaign } from "../../api/model";
import { touchedByCommand } from "../../api/queries";
import { changeCampaign } from "../../api/review";
import { FormEnd } from "../../components/FormEnd";
import { text } from "../../i18n";
import { changeOf, draftOf } from "./change";

/** A campaign's name, times and priority, while nothing of it has begun. */
export function ChangeCampaign({ campaign, close }: { campaign: Campaign; close: () => void }) {
  const t = text().campaign;
  const client = useQueryClient();
  const [draft, setDraft] = useState(() => draftOf(campaign));
  const change = changeOf(campaign, draft);
  const changing = useMutation({
    mutationFn: () => changeCampaign(campaign.id, change ?? {}),
    onSuccess: close,
    onSettled: () =>
      Promise.all(touchedByCommand(campaign.id).map((queryKey) => client.invalidateQueries({ queryKey }))),
  });
  const ready = change !== undefined && Object.keys(change).length > 0;
  const field = (name: keyof typeof draft, label: string, more: Parameters<typeof TextInput>[0]) => (
    <TextInput
      label={label}
      value={draft[name]}
      onChange={(event) => {
        setDraft({ ...draft, [name]: event.currentTarget.value });
      }}
      {...more}
    />
  );
  return (
    <Modal
      opened
      onClose={close}
      title={t.changeTitle(campaign.name)}
      centered
      size="md"
      closeButtonProps={{ "aria-label": text().common.close }}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (ready) changing.mutate();
        }}
      >
        <Stack gap="md">
          {campaign.state === "in_review" && (
            <Alert color="yellow" variant="light">
              {t.changeVoids}
            </Alert>
          )}
          {field("name", text().wizard.name, { maxLength: 200 })}
          {field("startAt", `${t.notBefore} (${text().common.optional})`, { type: "datetime-local" })}
          {field("deadline", t.deadline, { type: "datetime-local" })}
          {field("priority", t.priority, { description: t.priorityHint, maxLength: 5 })}
          <FormEnd
            error={changing.error}
            label={t.save}
            ready={ready}
            busy={changing.isPending}
            close={close}
          />
        </Stack>
      </form>
    </Modal>
  );
}
