import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Campaign } from "../../api/model";
import { modelsQuery } from "../../api/queries";
import { AlertIcon, CheckIcon } from "../../components/icons";
import { Panel } from "../../components/Panel";
import { plural } from "../../format/number";
import { text } from "../../i18n";
import { waveToApprove } from "../../rollout/offers";
import classes from "./Attention.module.css";

/** What goes no further until a person does something. */
export function Attention({ campaigns, deadLetters }: { campaigns: readonly Campaign[]; deadLetters: number }) {
  const t = text().fleet;
  const { data: models = [] } = useQuery(modelsQuery);
  const lines: { key: string; subject: ReactNode; says: string }[] = [];
  for (const campaign of campaigns) {
    const says = needs(campaign);
    if (says === undefined) continue;
    const subject =
      campaign.state === "in_review" ? (
        <Link to="/campaigns/$id/review" params={{ id: campaign.id }}>
          {campaign.name}
        </Link>
      ) : (
        <Link to="/campaigns/$id" params={{ id: campaign.id }} search={{}}>
          {campaign.name}
        </Link>
      );
    lines.push({ key: `campaign ${campaign.id}`, subject, says });
  }
  for (const model of models.filter((one) => one.state === "awaiting_root")) {
    lines.push({ key: model.id, subject: <Link to="/models/$model" params={{ model: model.id }}>{model.name}</Link>, says: t.awaitsRoot });
  }
  if (deadLetters > 0) {
    const letters = plural(deadLetters, text().count.deadLetter);
    lines.push({ key: "letters", subject: <Link to="/dead-letters">{t.deadLetters}</Link>, says: t.lettersWait(letters) });
  }
  if (lines.length === 0) {
    return (
      <p className={classes.calm}>
        <CheckIcon size={16} /> {t.attentionNone}
      </p>
    );
  }
  return (
    <Panel title={t.attention}>
      <ul className={classes.list}>
        {lines.map(({ key, subject, says }) => (
          <li key={key}>
            <AlertIcon size={16} />
            <span>
              {subject} <span className={classes.says}>{says}</span>
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function needs(campaign: Campaign): string | undefined {
  const t = text().fleet;
  const because = (state: string) => [state, campaign.state_reason ?? ""].filter((part) => part !== "").join(": ");
  if (campaign.state === "halted") return because(t.halted);
  if (campaign.state === "in_review") return t.inReview;
  if (campaign.state === "paused") return because(t.paused);
  if (waveToApprove(campaign) !== undefined) return t.waveWaits;
  return campaign.waiting_on.code === "gate_unreachable" ? t.stuck : undefined;
}
