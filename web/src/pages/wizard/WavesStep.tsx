import { ActionIcon, Alert, Button, Group, TextInput, Tooltip } from "@mantine/core";
import { PlusIcon, TrashIcon } from "../../components/icons";
import { cell, Table } from "../../components/Table";
import { formatCount, formatPercent } from "../../format/number";
import { text } from "../../i18n";
import { draftWaves, percent, withoutWave, withWave, type DraftWave } from "../../rollout/plan";
import { wavesFault } from "./draft";
import type { PreviewState } from "./Wizard";
import classes from "./Wizard.module.css";

const GATE = 90;
const MOST = 100;

interface WavesStepProps {
  waves: DraftWave[];
  change: (waves: DraftWave[]) => void;
  preview: PreviewState;
}

/** The rollout plan: shares and gates, with the vehicles that each wave would have now. */
export function WavesStep({ waves, change, preview }: WavesStepProps) {
  const t = text().wizard;
  const fault = wavesFault(waves);
  const sizes = fault === undefined && preview.data?.waves.length === waves.length ? preview.data.waves : undefined;
  const presets = [
    [t.presetCareful, [5, 25, 70]],
    [t.presetCanary, [1, 9, 40, 50]],
    [t.presetAll, [100]],
  ] as const;
  return (
    <>
      <p className={classes.lead}>{t.wavesLead}</p>
      <Group gap="xs">
        <span className={classes.lead}>{t.presets}</span>
        {presets.map(([label, shares]) => (
          <Button
            key={label}
            size="xs"
            variant="default"
            onClick={() => {
              change(draftWaves(shares, GATE));
            }}
          >
            {label}
          </Button>
        ))}
      </Group>
      <Table
        label={t.steps.waves}
        minWidth={38}
        head={
          <>
            <th>{text().campaign.wave}</th>
            <th>{t.share}</th>
            <th>{t.gate}</th>
            <th className={cell.number}>{t.size}</th>
            <th className={cell.number}>{t.exposed}</th>
            <th />
          </>
        }
      >
        {waves.map((wave, index) => {
          const set = (changed: Partial<DraftWave>) => {
            change(waves.map((one) => (one === wave ? { ...one, ...changed } : one)));
          };
          const reached = waves.slice(0, index + 1).reduce((sum, one) => sum + (percent(one.share) ?? 0), 0) / 100;
          return (
            <tr key={wave.key}>
              <th scope="row">{index + 1}</th>
              <td>
                <Percent label={t.shareOf(index + 1)} value={wave.share} change={(share) => { set({ share }); }} />
              </td>
              <td>
                {index === waves.length - 1 ? (
                  <span className={cell.quiet}>{text().campaign.lastWave}</span>
                ) : (
                  <Percent label={t.gateOf(index + 1)} value={wave.gate} change={(gate) => { set({ gate }); }} />
                )}
              </td>
              <td className={cell.number}>
                <span className={classes.size} data-stale={preview.stale}>
                  {sizes?.[index] === undefined ? "–" : formatCount(sizes[index].size)}
                </span>
              </td>
              <td className={cell.number}>{formatPercent(reached)}</td>
              <td className={cell.number}>
                <Tooltip label={t.removeWave(index + 1)} withArrow>
                  <ActionIcon
                    variant="subtle"
                    color="gray"
                    disabled={waves.length === 1}
                    aria-label={t.removeWave(index + 1)}
                    onClick={() => {
                      change(withoutWave(waves, wave.key));
                    }}
                  >
                    <TrashIcon size={16} />
                  </ActionIcon>
                </Tooltip>
              </td>
            </tr>
          );
        })}
      </Table>
      <Group justify="space-between" align="flex-start">
        <Button
          size="xs"
          variant="light"
          leftSection={<PlusIcon size={14} />}
          disabled={waves.length >= MOST}
          onClick={() => {
            change(withWave(waves, GATE));
          }}
        >
          {t.addWave}
        </Button>
      </Group>
      {fault !== undefined && (
        <Alert color="yellow" variant="light" role="alert">
          {fault}
        </Alert>
      )}
    </>
  );
}

function Percent({ label, value, change }: { label: string; value: string; change: (value: string) => void }) {
  return (
    <TextInput
      size="xs"
      className={classes.percent ?? ""}
      aria-label={label}
      inputMode="decimal"
      maxLength={8}
      rightSection="%"
      value={value}
      onChange={(event) => {
        change(event.currentTarget.value);
      }}
    />
  );
}
