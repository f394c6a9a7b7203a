import { Checkbox } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { CelEditor, type ExpressionFault } from "../../components/CelEditor";
import { Refused } from "../../components/Confirm";
import { formatCount, plural } from "../../format/number";
import { text } from "../../i18n";
import { TARGET_FIELDS } from "../../rollout/expression";
import type { Draft } from "../../plan/draft";
import { LeftOut } from "./LeftOut";
import type { PreviewState } from "./usePreview";
import classes from "./Wizard.module.css";

interface TargetStepProps {
  draft: Draft;
  change: (change: Partial<Draft>) => void;
  preview: PreviewState;
  /** What is wrong with the expression. */
  fault: ExpressionFault | undefined;
}

/** Which vehicles: the expression, where it is wrong, and whom it selects now. */
export function TargetStep({ draft, change, preview, fault }: TargetStepProps) {
  const t = text().wizard;
  const { data, error, stale } = preview;
  const sample = data?.waves.flatMap((wave) => wave.sample) ?? [];
  const elsewhere = fault === undefined && data === undefined ? error : undefined;
  return (
    <>
      <p className={classes.lead}>{t.targetLead}</p>
      <CelEditor label={t.expression} value={draft.target} change={(target) => { change({ target }); }} fault={fault} fields={TARGET_FIELDS} />
      <Checkbox
        label={t.continuous}
        description={t.continuousHint}
        checked={draft.policy.continuous}
        onChange={(event) => {
          change({ policy: { ...draft.policy, continuous: event.currentTarget.checked } });
        }}
      />
      {elsewhere !== undefined && <Refused error={elsewhere} title={text().errors.notLoaded} />}
      {fault === undefined && data !== undefined && (
        <div className={classes.match} data-stale={stale} aria-live="polite">
          <strong className={classes.matching}>
            {data.matching === 0 ? t.matchingNone : t.matching(plural(data.matching, text().count.vehicleMatches))}
          </strong>
          {sample.length > 0 && (
            <>
              <p className={classes.sampleTitle}>{t.sample}</p>
              <ul className={classes.sample}>
                {sample.map((vin) => (
                  <li key={vin}>
                    <Link to="/vehicles/$vin" params={{ vin }} search={{}} target="_blank">
                      {vin}
                    </Link>
                  </li>
                ))}
                {data.matching > sample.length && <li>… +{formatCount(data.matching - sample.length)}</li>}
              </ul>
            </>
          )}
          <LeftOut preview={data} />
        </div>
      )}
      {data === undefined && error === undefined && <p className={classes.lead}>{t.counting}</p>}
    </>
  );
}
