import { Alert, Button, Group, Modal, Stack, Textarea } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { replayDeadLetter } from "../../api/client";
import type { DeadLetter } from "../../api/model";
import { keys } from "../../api/queries";
import { may } from "../../api/session";
import { Refused } from "../../components/Confirm";
import { Fact, Facts } from "../../components/Facts";
import { When } from "../../components/When";
import { text } from "../../i18n";
import classes from "./Letter.module.css";

/** One message: it can be read, mended and sent again. */
export function Letter({ letter, close }: { letter: DeadLetter; close: () => void }) {
  const t = text().deadLetters;
  const client = useQueryClient();
  const original = pretty(letter.value ?? "");
  const [value, setValue] = useState(original);
  const mended = value !== original;
  const replaying = useMutation({
    mutationFn: () => replayDeadLetter(letter.id, mended ? value : undefined),
    onSuccess: close,
    onSettled: () =>
      Promise.all([
        client.invalidateQueries({ queryKey: keys.deadLetters }),
        client.invalidateQueries({ queryKey: keys.fleet }),
      ]),
  });
  return (
    <Modal opened onClose={close} title={t.of(letter.id)} centered size="lg" closeButtonProps={{ "aria-label": text().common.close }}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          replaying.mutate();
        }}
      >
        <Stack gap="md">
          <Facts>
            <Fact term={t.reason}>
              {letter.reason.replaceAll("_", " ")}: {letter.detail}
            </Fact>
            <Fact term={t.where}>
              {letter.topic} · {letter.partition}/{letter.offset}
            </Fact>
            {letter.key != null && <Fact term={t.key}>{letter.key}</Fact>}
            <Fact term={t.at}>
              <When at={letter.at} />
            </Fact>
            {letter.replayed_at != null && (
              <Fact term={t.replayed}>
                <When at={letter.replayed_at} />
              </Fact>
            )}
          </Facts>
          {letter.value_base64 != null ? (
            <Alert color="gray" variant="light">
              {t.binary}
            </Alert>
          ) : (
            <Textarea
              label={t.message}
              value={value}
              readOnly={!may("engineer")}
              rows={12}
              spellCheck={false}
              classNames={{ input: classes.message ?? "" }}
              onChange={(event) => {
                setValue(event.currentTarget.value);
              }}
            />
          )}
          <Refused error={replaying.error} />
          {may("engineer") && (
            <Group justify="space-between" wrap="nowrap" align="center">
              <span className={classes.hint}>{t.replayHint}</span>
              <Button type="submit" loading={replaying.isPending} style={{ flex: "none" }}>
                {mended ? t.replayMended : t.replay}
              </Button>
            </Group>
          )}
        </Stack>
      </form>
    </Modal>
  );
}

/** JSON in lines; anything else as it is. */
function pretty(value: string): string {
  try {
    return JSON.stringify(JSON.parse(value), null, 2);
  } catch {
    return value;
  }
}
