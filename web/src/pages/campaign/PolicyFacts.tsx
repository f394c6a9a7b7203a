import type { Json, Policy } from "../../api/model";
import { text } from "../../i18n";
import { linesOf, nameOf, wordsOf } from "../../rollout/content";
import page from "../Page.module.css";

/** Every policy of a campaign, also those that this dashboard does not know; its membership is told elsewhere. */
export function PolicyFacts({ policy }: { policy: Policy }) {
  const lines = linesOf(policy as Json).filter(({ path, value }) => path[0] !== "membership" && value !== null && value !== false);
  if (lines.length === 0) return text().plan.none;
  return (
    <ul className={page.list}>
      {lines.map((line) => (
        <li key={line.path.join(" ")}>
          <span className={page.quiet}>{nameOf(line.path)}:</span> {wordsOf(line)}
        </li>
      ))}
    </ul>
  );
}
