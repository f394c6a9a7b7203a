import type { Release } from "../../api/model";
import { Badge } from "../../components/StateBadge";
import { text } from "../../i18n";

const COLORS: Record<Release["state"], string> = {
  draft: "var(--state-cancelled)",
  locked: "var(--state-installed)",
  retired: "var(--state-superseded)",
};

export function ReleaseBadge({ state }: { state: Release["state"] }) {
  return <Badge label={text().releaseStates[state]} color={COLORS[state]} />;
}
