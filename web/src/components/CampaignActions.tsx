import { Button, Group, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { command } from "../api/client";
import { COMMANDS, type Campaign, type Command } from "../api/model";
import { keys } from "../api/queries";
import { may } from "../api/session";
import { text } from "../i18n";
import { consequence } from "../rollout/wording";
import { Confirm } from "./Confirm";
import { PauseIcon, PlayIcon, StopIcon } from "./icons";
import { useNow } from "./useNow";

const ICONS: Record<Command, ReactNode> = {
  start: <PlayIcon size={14} />,
  pause: <PauseIcon size={14} />,
  resume: <PlayIcon size={14} />,
  cancel: <StopIcon size={14} />,
};

/** The commands that the campaign takes now, each behind a question that tells what it would do. */
export function CampaignActions({ campaign, size = "sm" }: { campaign: Campaign; size?: "xs" | "sm" }) {
  const [asked, setAsked] = useState<Command>();
  const allowed = may("engineer") ? COMMANDS.filter((name) => campaign.allowed.includes(name)) : [];
  if (allowed.length === 0) return null;
  return (
    <>
      <Group gap="xs" wrap="nowrap">
        {allowed.map((name) => (
          <Button
            key={name}
            size={size}
            variant={name === "resume" || name === "start" ? "filled" : "default"}
            leftSection={ICONS[name]}
            aria-label={`${text().commands[name]} ${campaign.name}`}
            onClick={() => {
              setAsked(name);
            }}
          >
            {text().commands[name]}
          </Button>
        ))}
      </Group>
      {asked !== undefined && (
        <Ask
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

function Ask({ name, campaign, close }: { name: Command; campaign: Campaign; close: () => void }) {
  const client = useQueryClient();
  const now = useNow();
  const [reason, setReason] = useState("");
  const { title, effects, confirm, final } = consequence(name, campaign, now);
  const sending = useMutation({
    mutationFn: () => command(campaign.id, name, reason.trim()),
    onSuccess: close,
    // Also when it was refused: what was on the screen was then out of date.
    onSettled: () =>
      Promise.all([
        client.invalidateQueries({ queryKey: keys.campaign(campaign.id) }),
        client.invalidateQueries({ queryKey: keys.campaigns }),
        client.invalidateQueries({ queryKey: keys.timeline(campaign.id) }),
        client.invalidateQueries({ queryKey: keys.fleet }),
      ]),
  });
  return (
    <Confirm
      title={title}
      effects={effects}
      confirm={confirm}
      final={final}
      back={name === "cancel" ? text().commands.keep : text().common.back}
      busy={sending.isPending}
      error={sending.error}
      close={close}
      submit={() => {
        sending.mutate();
      }}
    >
      <TextInput
        label={text().commands.reason}
        description={text().commands.reasonHint}
        value={reason}
        maxLength={500}
        data-autofocus
        onChange={(event) => {
          setReason(event.currentTarget.value);
        }}
      />
    </Confirm>
  );
}
