import { Switch } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { mayAct } from "../../api/acts";
import { setModelReview } from "../../api/evidence";
import { asApiError } from "../../api/errors";
import type { Model } from "../../api/model";
import { keys } from "../../api/queries";
import { text } from "../../i18n";

/** Whether campaigns for the model need another person's approval; admins decide it. */
export function ReviewSwitch({ model }: { model: Model }) {
  const t = text().models;
  const client = useQueryClient();
  const setting = useMutation({
    mutationFn: (required: boolean) => setModelReview(model.id, required),
    onSettled: () =>
      Promise.all([
        client.invalidateQueries({ queryKey: keys.models }),
        client.invalidateQueries({ queryKey: keys.everyReview }),
      ]),
  });
  const said = model.review_required ? t.reviewNeeded : t.reviewNot;
  if (!mayAct("requireReview")) return said;
  return (
    <Switch
      size="xs"
      aria-label={t.reviewOf(model.name)}
      label={said}
      checked={model.review_required}
      disabled={setting.isPending}
      error={setting.error && asApiError(setting.error).message}
      onChange={(event) => {
        setting.mutate(event.currentTarget.checked);
      }}
    />
  );
}
