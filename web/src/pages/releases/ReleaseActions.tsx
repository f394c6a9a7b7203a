import { Button, Group } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { mayAct } from "../../api/acts";
import { lockRelease } from "../../api/client";
import { recallRelease } from "../../api/emergency";
import type { Release } from "../../api/model";
import { keys } from "../../api/queries";
import { may } from "../../api/session";
import { Ask } from "../../components/Ask";
import { HaltIcon, LockIcon, PlusIcon } from "../../components/icons";
import { text } from "../../i18n";

/** What may be done with a release: lock it, roll it out, and take it back for good. */
export function ReleaseActions({ release }: { release: Release }) {
  const t = text().releases;
  const [asked, setAsked] = useState<"lock" | "recall">();
  if (!may("engineer")) return null;
  const ask = (what: "lock" | "recall") => () => {
    setAsked(what);
  };
  return (
    <Group gap="xs">
      {release.state === "draft" && (
        <Button leftSection={<LockIcon size={15} />} onClick={ask("lock")}>
          {t.lock}
        </Button>
      )}
      {release.state === "locked" && (
        <>
          {mayAct("recall") && (
            <Button variant="default" leftSection={<HaltIcon size={15} />} onClick={ask("recall")}>
              {text().emergency.recall}
            </Button>
          )}
          <Button
            leftSection={<PlusIcon size={16} />}
            renderRoot={(props) => <Link to="/campaigns/new" search={{ release: release.id }} {...props} />}
          >
            {t.rollOut}
          </Button>
        </>
      )}
      {asked !== undefined && (
        <Question
          what={asked}
          release={release}
          close={() => {
            setAsked(undefined);
          }}
        />
      )}
    </Group>
  );
}

interface QuestionProps {
  what: "lock" | "recall";
  release: Release;
  close: () => void;
}

function Question({ what, release, close }: QuestionProps) {
  const name = `${release.name} ${release.version}`;
  const touched = [keys.release(release.id), keys.releases];
  if (what === "lock") {
    const t = text().releases;
    return (
      <Ask
        title={t.lockAsk(name)}
        effects={t.lockEffects}
        confirm={t.lockConfirm}
        reason="none"
        run={() => lockRelease(release.id)}
        touched={touched}
        close={close}
      />
    );
  }
  const t = text().emergency;
  return (
    <Ask
      final
      title={t.recallAsk(name)}
      effects={t.recallEffects}
      confirm={t.recallConfirm}
      reason="needed"
      reasonHint={t.reasonHint}
      run={(reason) => recallRelease(release.id, reason)}
      touched={[...touched, keys.campaigns, keys.fleet]}
      close={close}
    />
  );
}
