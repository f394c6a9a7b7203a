import type { Model } from "../../api/model";

/** The colour of a model's state. */
export const MODEL_COLORS: Record<Model["state"], string> = {
  active: "var(--state-installed)",
  awaiting_root: "var(--state-declined)",
  retired: "var(--state-cancelled)",
};
