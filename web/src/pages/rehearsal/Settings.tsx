import { Button, TextInput } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { FAILURE_RATIO, type RehearsalSettings } from "../../api/foresight";
import { text } from "../../i18n";
import { shareOf } from "../../rollout/foresight";
import page from "../Page.module.css";
import { said } from "../search";
import classes from "./Rehearsal.module.css";

interface SettingsProps {
  campaign: number;
  settings: RehearsalSettings;
  playing: boolean;
  again: () => void;
}

/** With which seed it is played, and how bad the release would be; both are in the URL, so an answer can be shown to others. */
export function Settings({ campaign, settings, playing, again }: SettingsProps) {
  const t = text().rehearsal;
  const navigate = useNavigate();
  const before = { seed: String(settings.seed ?? campaign), ratio: String(((settings.failure_ratio ?? FAILURE_RATIO) * 1e6) / 1e4) };
  const [seed, setSeed] = useState(before.seed);
  const [ratio, setRatio] = useState(before.ratio);
  const share = shareOf(ratio);
  const wrongSeed = !/^\d{1,15}$/.test(seed.trim());
  const play = () => {
    if (share === undefined || wrongSeed) return;
    if (seed.trim() === before.seed && ratio === before.ratio) {
      again();
      return;
    }
    const number = Number(seed);
    const search = said({
      seed: number === campaign ? undefined : number,
      failure_ratio: share === FAILURE_RATIO ? undefined : share,
    });
    void navigate({ to: "/campaigns/$id/rehearsal", params: { id: campaign }, search, replace: true, resetScroll: false });
  };
  return (
    <form
      className={classes.settings}
      onSubmit={(event) => {
        event.preventDefault();
        play();
      }}
    >
      <p className={page.quiet}>{t.lead}</p>
      <div className={classes.fields}>
        <TextInput
          size="xs"
          label={t.ratio}
          inputMode="decimal"
          value={ratio}
          error={share === undefined && t.wrongRatio}
          onChange={(event) => {
            setRatio(event.currentTarget.value);
          }}
        />
        <TextInput
          size="xs"
          label={t.seed}
          inputMode="numeric"
          value={seed}
          error={wrongSeed && t.wrongSeed}
          onChange={(event) => {
            setSeed(event.currentTarget.value);
          }}
        />
        <Button type="submit" size="xs" loading={playing} disabled={share === undefined || wrongSeed}>
          {t.again}
        </Button>
        <span className={page.quiet} role="status">
          {playing ? t.playing : t.seedHint}
        </span>
      </div>
    </form>
  );
}
