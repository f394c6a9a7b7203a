import { Alert, Button, Group, List, Modal, Stack, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { command } from "../api/client";
import { asApiError } from "../api/errors";
import { COMMANDS, type Campaign, type Command } from "../api/model";
import { keys } from "../api/queries";
import { consequence } from "../rollout/wording";
import { PauseIcon, PlayIcon, StopIcon } from "./icons";

const BUTTONS: Record<Command, { label: string; icon: ReactNode }> = {
  start: { label: "Start", icon: <PlayIcon size={14} /> },
  pause: { label: "Pause", icon: <PauseIcon size={14} /> },
  resume: { label: "Resume", icon: <PlayIcon size={14} /> },
  cancel: { label: "Cancel", icon: <StopIcon size={14} /> },
};

/** The commands that the campaign takes now, each behind a question that tells what it would do. */
export function CampaignActions({ campaign, size = "sm" }: { campaign: Campaign; size?: "xs" | "sm" }) {
  const [asked, setAsked] = useState<Command>();
  const allowed = COMMANDS.filter((name) => campaign.allowed.includes(name));
  return (
    <>
      <Group gap="xs" wrap="nowrap">
        {allowed.map((name) => (
          <Button
            key={name}
            size={size}
            variant={name === "resume" || name === "start" ? "filled" : "default"}
            leftSection={BUTTONS[name].icon}
            aria-label={`${BUTTONS[name].label} ${campaign.name}`}
            onClick={() => {
              setAsked(name);
            }}
          >
            {BUTTONS[name].label}
          </Button>
        ))}
      </Group>
      {asked !== undefined && (
        <Confirm
          name={asked}
          campaign={campaign}
          close={() => {
            setAsked(undefined);
          }}
        />
      )}
    </>
  );
}

function Confirm({ name, campaign, close }: { name: Command; campaign: Campaign; close: () => void }) {
  const client = useQueryClient();
  const [reason, setReason] = useState("");
  const { title, effects, confirm, final } = consequence(name, campaign);
  const sending = useMutation({
    mutationFn: () => command(campaign.id, name, reason.trim()),
    onSuccess: close,
    // Also when it was refused: what was on the screen was then out of date.
    onSettled: () =>
      Promise.all([
        client.invalidateQueries({ queryKey: keys.campaign(campaign.id) }),
        client.invalidateQueries({ queryKey: keys.campaigns }),
        client.invalidateQueries({ queryKey: keys.fleet }),
      ]),
  });
  return (
    <Modal opened onClose={close} title={title} centered size="md" closeButtonProps={{ "aria-label": "Close" }}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          sending.mutate();
        }}
      >
        <Stack gap="md">
          <List size="sm" spacing={6}>
            {effects.map((effect) => (
              <List.Item key={effect}>{effect}</List.Item>
            ))}
          </List>
          <TextInput
            label="Reason"
            description="For those who read this campaign later; optional."
            value={reason}
            maxLength={500}
            data-autofocus
            onChange={(event) => {
              setReason(event.currentTarget.value);
            }}
          />
          {sending.error && (
            <Alert color="red" variant="light" title="It was not done" role="alert">
              {asApiError(sending.error).message}
            </Alert>
          )}
          <Group justify="flex-end" gap="sm">
            <Button variant="default" onClick={close}>
              {name === "cancel" ? "Keep it" : "Back"}
            </Button>
            <Button type="submit" loading={sending.isPending} {...(final ? { color: "red.8" } : {})}>
              {confirm}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
