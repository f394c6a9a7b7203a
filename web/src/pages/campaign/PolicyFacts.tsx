import { Fact, Facts } from "../../components/Facts";
import type { Json, Policy } from "../../api/model";
import { text } from "../../i18n";
import { linesOf, nameOf, wordsOf } from "../../rollout/content";

/** Every policy of a campaign, also those that this dashboard does not know; its membership is told elsewhere. */
export function PolicyFacts({ policy }: { policy: Policy }) {
  const lines = linesOf(policy as Json).filter(({ path, value }) => path[0] !== "membership" && value !== null && value !== false);
  if (lines.length === 0) return text().plan.none;
  return (
    <Facts>
      {lines.map((line) => (
        <Fact key={line.path.join(" ")} term={nameOf(line.path)}>
          {wordsOf(line)}
        </Fact>
      ))}
    </Facts>
  );
}
