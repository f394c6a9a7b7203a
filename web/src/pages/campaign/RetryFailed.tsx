import { Button } from "@mantine/core";
import { useState } from "react";
import { mayAct } from "../../api/acts";
import type { Retried } from "../../api/model";
import { keys, touchedByCommand } from "../../api/queries";
import { retryFailed } from "../../api/review";
import { Ask } from "../../components/Ask";
import { plural } from "../../format/number";
import { text } from "../../i18n";
import page from "../Page.module.css";

interface RetryFailedProps {
  campaign: number;
  code: string;
  /** So many failed with the code. */
  vehicles: number;
}

/** Lets the vehicles of a failure begin another attempt, once what failed them is mended. */
export function RetryFailed({ campaign, code, vehicles }: RetryFailedProps) {
  const t = text().review;
  const [asking, setAsking] = useState(false);
  const [retried, setRetried] = useState<Retried>();
  if (!mayAct("retry")) return null;
  return (
    <>
      <Button
        size="xs"
        variant="default"
        onClick={() => {
          setAsking(true);
        }}
      >
        {t.retry}
      </Button>
      <span role="status" className={page.quiet}>
        {retried && `${t.retried(plural(retried.vehicles, text().count.vehicle))} ${retried.more ? t.retriedMore : ""}`}
      </span>
      {asking && (
        <Ask
          title={t.retryAsk(code)}
          effects={t.retryEffects(plural(vehicles, text().count.vehicle))}
          confirm={t.retryConfirm}
          reason="none"
          run={() => retryFailed(campaign, code)}
          touched={[...touchedByCommand(campaign), keys.insight(campaign)]}
          done={setRetried}
          close={() => {
            setAsking(false);
          }}
        />
      )}
    </>
  );
}
