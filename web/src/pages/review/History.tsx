import type { CampaignReview } from "../../api/model";
import { Panel } from "../../components/Panel";
import { Badge } from "../../components/StateBadge";
import { When } from "../../components/When";
import { text } from "../../i18n";
import page from "../Page.module.css";
import classes from "./Review.module.css";

const COLORS = {
  submitted: "var(--state-downloading)",
  approved: "var(--state-installed)",
  rejected: "var(--state-failed)",
  voided: "var(--state-cancelled)",
} as const;

/** What was decided about the campaign and by whom, the latest first, and whether it was about what is there now. */
export function History({ review }: { review: CampaignReview }) {
  const t = text().review;
  return (
    <Panel title={t.history}>
      {review.steps.length === 0 ? (
        <p className={page.quiet}>{t.noHistory}</p>
      ) : (
        <ol className={classes.history}>
          {review.steps.map((step) => (
            <li key={`${step.at} ${step.verdict}`}>
              <Badge label={t.verdicts[step.verdict]} color={COLORS[step.verdict]} />
              <span className={page.quiet}>
                {step.by} · <When at={step.at} /> ·{" "}
                <span title={step.digest}>{step.digest === review.digest ? t.thisContent : t.otherContent}</span>
              </span>
              {/* Why a change voided it is said by the verdict. */}
              {step.verdict !== "voided" && step.reason != null && step.reason !== "" && <q>{step.reason}</q>}
            </li>
          ))}
        </ol>
      )}
    </Panel>
  );
}
