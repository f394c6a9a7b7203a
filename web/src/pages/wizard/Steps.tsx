import { CheckIcon } from "../../components/icons";
import { text } from "../../i18n";
import { STEPS, type Step } from "../../plan/draft";
import classes from "./Steps.module.css";

interface StepsProps {
  current: number;
  /** Which can be gone to. */
  open: (step: number) => boolean;
  go: (step: number) => void;
}

/** Where in the wizard one is; what is done can be gone back to. */
export function Steps({ current, open, go }: StepsProps) {
  return (
    <ol className={classes.steps}>
      {STEPS.map((step, index) => (
        <li key={step} data-done={index < current} data-current={index === current}>
          <button
            type="button"
            disabled={index === current || !open(index)}
            aria-current={index === current ? "step" : undefined}
            onClick={() => {
              go(index);
            }}
          >
            <span className={classes.number}>{index < current ? <CheckIcon size={13} /> : index + 1}</span>
            <span className={classes.label}>{stepName(step)}</span>
          </button>
        </li>
      ))}
    </ol>
  );
}

export function stepName(step: Step): string {
  return step === "policies" ? text().plan.policies : text().wizard.steps[step];
}
