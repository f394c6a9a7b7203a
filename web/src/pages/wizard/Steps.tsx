import { CheckIcon } from "../../components/icons";
import { text } from "../../i18n";
import { STEPS } from "./draft";
import classes from "./Steps.module.css";

/** Where in the wizard one is; what is done can be gone back to. */
export function Steps({ current, go }: { current: number; go: (step: number) => void }) {
  const t = text().wizard;
  return (
    <ol className={classes.steps}>
      {STEPS.map((step, index) => (
        <li key={step} data-done={index < current} data-current={index === current}>
          <button
            type="button"
            disabled={index >= current}
            aria-current={index === current ? "step" : undefined}
            onClick={() => {
              go(index);
            }}
          >
            <span className={classes.number}>{index < current ? <CheckIcon size={13} /> : index + 1}</span>
            <span className={classes.label}>{t.steps[step]}</span>
          </button>
        </li>
      ))}
    </ol>
  );
}
