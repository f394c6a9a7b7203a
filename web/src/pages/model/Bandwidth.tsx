import { Button, Group, TextInput } from "@mantine/core";
import { useState } from "react";
import { mayAct } from "../../api/acts";
import { setBandwidth } from "../../api/keys";
import type { Model } from "../../api/model";
import { keys } from "../../api/queries";
import { Ask } from "../../components/Ask";
import { formatBytes, formatCount } from "../../format/number";
import { text } from "../../i18n";
import { recordsText } from "../../i18n/records";
import { readCap, vehiclesPerHour, writeCap } from "../../rollout/bandwidth";

/** What an image is taken to be where a cap's consequence is told. */
const IMAGE_BYTES = 100_000_000;

/** How fast the model's images go out over all gateways; admins set it, and take it off. */
export function Bandwidth({ model }: { model: Model }) {
  const t = recordsText().bandwidth;
  const [asked, setAsked] = useState<"set" | "remove">();
  const close = () => {
    setAsked(undefined);
  };
  const cap = model.max_bytes_per_sec;
  const said = cap == null ? t.none : t.cap(formatBytes(cap));
  if (!mayAct("capBandwidth")) return said;
  return (
    <Group gap="sm">
      <span>{said}</span>
      <Button
        size="xs"
        variant="default"
        aria-label={cap == null ? t.setOf(model.name) : t.changeOf(model.name)}
        onClick={() => {
          setAsked("set");
        }}
      >
        {cap == null ? t.set : t.change}
      </Button>
      {cap != null && (
        <Button
          size="xs"
          variant="default"
          aria-label={t.removeOf(model.name)}
          onClick={() => {
            setAsked("remove");
          }}
        >
          {text().common.remove}
        </Button>
      )}
      {asked === "set" && <SetCap model={model} close={close} />}
      {asked === "remove" && (
        <Ask
          title={t.removeAsk(model.name)}
          effects={t.removeEffects}
          confirm={t.removeConfirm}
          reason="none"
          run={() => setBandwidth(model.id, null)}
          touched={touched(model)}
          close={close}
        />
      )}
    </Group>
  );
}

const touched = (model: Model) => [keys.model(model.id), keys.models, keys.audit];

function SetCap({ model, close }: { model: Model; close: () => void }) {
  const t = recordsText().bandwidth;
  const [typed, setTyped] = useState(model.max_bytes_per_sec == null ? "" : writeCap(model.max_bytes_per_sec));
  const cap = readCap(typed);
  const reach = cap === undefined ? [] : [t.reach(formatBytes(IMAGE_BYTES), formatCount(vehiclesPerHour(cap, IMAGE_BYTES)))];
  return (
    <Ask
      title={t.ask(model.name)}
      effects={[...t.effects, ...reach]}
      confirm={t.confirm}
      ready={cap !== undefined}
      reason="none"
      run={async () => {
        if (cap !== undefined) await setBandwidth(model.id, cap);
      }}
      touched={touched(model)}
      close={close}
    >
      <TextInput
        label={t.field}
        description={t.fieldHint}
        value={typed}
        inputMode="decimal"
        maxLength={14}
        data-autofocus
        error={typed.trim() !== "" && cap === undefined ? t.refused : undefined}
        onChange={(event) => {
          setTyped(event.currentTarget.value);
        }}
      />
    </Ask>
  );
}
