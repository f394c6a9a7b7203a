import { Alert, Button, Group, SegmentedControl } from "@mantine/core";
import { useState } from "react";
import type { FaultOf } from "../../components/fields";
import { PlusIcon } from "../../components/icons";
import { Table } from "../../components/Table";
import { cell } from "../../components/Table";
import { formatCount, formatPercent } from "../../format/number";
import { text } from "../../i18n";
import type { Draft } from "../../plan/draft";
import { draftWaves, withoutWave, withWave, type DraftWave } from "../../plan/waves";
import { RampFields } from "./RampFields";
import type { PreviewState } from "./usePreview";
import { WaveRow } from "./WaveRow";
import classes from "./Wizard.module.css";

const GATE = 90;
const MOST = 100;

interface WavesStepProps {
  draft: Draft;
  change: (change: Partial<Draft>) => void;
  preview: PreviewState;
  fault: FaultOf;
}

/** The rollout plan: who is in each wave and what must hold before the next, with the vehicles that each would have now. */
export function WavesStep({ draft, change, preview, fault }: WavesStepProps) {
  const t = text().wizard;
  const said = text().plan;
  const whole = fault("/waves");
  return (
    <>
      <p className={classes.lead}>{t.wavesLead}</p>
      <SegmentedControl
        size="xs"
        aria-label={said.how}
        className={classes.segments ?? ""}
        value={draft.ramps ? "ramp" : "waves"}
        data={[
          { value: "waves", label: said.written },
          { value: "ramp", label: said.ramps },
        ]}
        onChange={(how) => {
          change({ ramps: how === "ramp" });
        }}
      />
      {draft.ramps ? (
        <RampFields
          ramp={draft.ramp}
          preview={preview}
          fault={fault}
          change={(ramp) => {
            change({ ramp });
          }}
        />
      ) : (
        <Waves
          waves={draft.waves}
          preview={preview}
          fault={fault}
          change={(waves) => {
            change({ waves });
          }}
        />
      )}
      {!draft.ramps && whole !== undefined && (
        <Alert color="yellow" variant="light" role="alert">
          {whole}
        </Alert>
      )}
    </>
  );
}

interface WavesProps {
  waves: readonly DraftWave[];
  change: (waves: readonly DraftWave[]) => void;
  preview: PreviewState;
  fault: FaultOf;
}

function Waves({ waves, change, preview, fault }: WavesProps) {
  const t = text().wizard;
  const [open, setOpen] = useState<ReadonlySet<number>>(new Set());
  const { data, error, stale } = preview;
  const sizes = data?.waves.length === waves.length ? data.waves.map((wave) => wave.size) : undefined;
  const all = sizes?.reduce((sum, size) => sum + size, 0) ?? 0;
  return (
    <>
      <Presets change={change} />
      <Table
        label={t.steps.waves}
        minWidth={44}
        head={
          <>
            <th>{text().campaign.wave}</th>
            <th>{text().plan.who}</th>
            <th>{t.gate}</th>
            <th className={cell.number}>{t.size}</th>
            <th className={cell.number}>{t.exposed}</th>
            <th />
          </>
        }
      >
        {waves.map((wave, index) => {
          const size = sizes?.[index];
          const reached = sizes?.slice(0, index + 1).reduce((sum, one) => sum + one, 0);
          const at = `/waves/${index}/expression`;
          return (
            <WaveRow
              key={wave.key}
              wave={wave}
              index={index}
              last={index === waves.length - 1}
              only={waves.length === 1}
              open={open.has(wave.key)}
              toggle={() => {
                const others = [...open].filter((key) => key !== wave.key);
                setOpen(new Set(open.has(wave.key) ? others : [...others, wave.key]));
              }}
              set={(changed) => {
                change(waves.map((one) => (one === wave ? { ...one, ...changed } : one)));
              }}
              remove={() => {
                change(withoutWave(waves, wave.key));
              }}
              size={size === undefined ? "–" : formatCount(size)}
              reached={reached === undefined || all === 0 ? "–" : formatPercent(reached / all)}
              stale={stale}
              fault={fault}
              expressionFault={error?.pointer === at ? { message: error.message, position: error.position } : undefined}
            />
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
    </>
  );
}

function Presets({ change }: { change: (waves: readonly DraftWave[]) => void }) {
  const t = text().wizard;
  const presets = [
    [t.presetCareful, [5, 25, 70]],
    [t.presetCanary, [1, 9, 40, 50]],
    [t.presetAll, [100]],
  ] as const;
  return (
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
  );
}
