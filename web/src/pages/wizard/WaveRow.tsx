import { ActionIcon, NativeSelect, Textarea, Tooltip } from "@mantine/core";
import { CelEditor, type ExpressionFault } from "../../components/CelEditor";
import { Field, type FaultOf } from "../../components/fields";
import { GateIcon, TrashIcon } from "../../components/icons";
import { cell } from "../../components/Table";
import { text } from "../../i18n";
import { VEHICLE_FIELDS } from "../../rollout/expression";
import { WAVE_KINDS, type DraftWave, type WaveKind } from "../../plan/waves";
import { GateFields } from "./GateFields";
import classes from "./Wizard.module.css";

interface WaveRowProps {
  wave: DraftWave;
  /** From 0. */
  index: number;
  /** Nothing comes after it, so it has no gate. */
  last: boolean;
  only: boolean;
  /** More of its gate is shown. */
  open: boolean;
  toggle: () => void;
  set: (changed: Partial<DraftWave>) => void;
  remove: () => void;
  /** How many it has, and how many are reached with it. */
  size: string;
  reached: string;
  stale: boolean;
  fault: FaultOf;
  expressionFault: ExpressionFault | undefined;
}

/** A wave of the plan: who is in it, the gate behind it, and below it what needs more room. */
export function WaveRow(props: WaveRowProps) {
  const { wave, index, last, only, open, toggle, set, remove, size, reached, stale, fault, expressionFault } = props;
  const t = text().wizard;
  const said = text().plan;
  const number = index + 1;
  const at = `/waves/${index}`;
  return (
    <>
      <tr>
        <th scope="row">{number}</th>
        <td>
          <div className={classes.who}>
            <NativeSelect
              size="xs"
              aria-label={said.kind(number)}
              value={wave.kind}
              data={WAVE_KINDS.map((kind) => ({ value: kind, label: said.kinds[kind] }))}
              onChange={(event) => {
                set({ kind: event.currentTarget.value as WaveKind });
              }}
            />
            <Who wave={wave} number={number} at={at} set={set} fault={fault} />
          </div>
        </td>
        <td>
          {last ? (
            <span className={cell.quiet}>{text().campaign.lastWave}</span>
          ) : (
            <div className={classes.percent}>
              <Field
                bare
                unit="%"
                label={t.gateOf(number)}
                value={wave.gate.installed}
                fault={fault(`${at}/gate_installed_ratio`)}
                change={(installed) => {
                  set({ gate: { ...wave.gate, installed } });
                }}
              />
            </div>
          )}
        </td>
        <td className={cell.number}>
          <span className={classes.size} data-stale={stale}>
            {size}
          </span>
        </td>
        <td className={cell.number}>{reached}</td>
        <td className={classes.rowEnd}>
          {!last && (
            <Tooltip label={said.gateMore(number)} withArrow>
              <ActionIcon variant={open ? "light" : "subtle"} color="gray" aria-label={said.gateMore(number)} aria-expanded={open} onClick={toggle}>
                <GateIcon size={16} />
              </ActionIcon>
            </Tooltip>
          )}
          <Tooltip label={t.removeWave(number)} withArrow>
            <ActionIcon variant="subtle" color="gray" disabled={only} aria-label={t.removeWave(number)} onClick={remove}>
              <TrashIcon size={16} />
            </ActionIcon>
          </Tooltip>
        </td>
      </tr>
      {(wave.kind === "expression" || wave.kind === "vins" || (open && !last)) && (
        <tr className={classes.more}>
          <td colSpan={6}>
            {wave.kind === "expression" && (
              <CelEditor
                label={said.expressionOf(number)}
                value={wave.expression}
                fields={VEHICLE_FIELDS}
                fault={expressionFault ?? missing(fault(`${at}/expression`))}
                change={(expression) => {
                  set({ expression });
                }}
              />
            )}
            {wave.kind === "vins" && (
              <Textarea
                size="xs"
                label={said.vinsOf(number)}
                description={said.vinsHint}
                rows={3}
                spellCheck={false}
                value={wave.vins}
                error={fault(`${at}/vins`)}
                onChange={(event) => {
                  set({ vins: event.currentTarget.value });
                }}
              />
            )}
            {open && !last && (
              <GateFields
                gate={wave.gate}
                at={at}
                fault={fault}
                label={said.gateMore(number)}
                change={(gate) => {
                  set({ gate });
                }}
              />
            )}
          </td>
        </tr>
      )}
    </>
  );
}

function missing(message: string | undefined): ExpressionFault | undefined {
  return message === undefined ? undefined : { message, position: undefined };
}

interface WhoProps {
  wave: DraftWave;
  number: number;
  at: string;
  set: (changed: Partial<DraftWave>) => void;
  fault: FaultOf;
}

/** How many of them, where that is a number. */
function Who({ wave, number, at, set, fault }: WhoProps) {
  if (wave.kind === "share") {
    return (
      <div className={classes.percent}>
        <Field
          bare
          unit="%"
          label={text().wizard.shareOf(number)}
          value={wave.share}
          fault={fault(`${at}/share_ratio`)}
          change={(share) => {
            set({ share });
          }}
        />
      </div>
    );
  }
  if (wave.kind === "count") {
    return (
      <div className={classes.percent}>
        <Field
          bare
          label={text().plan.countOf(number)}
          value={wave.count}
          fault={fault(`${at}/count`)}
          change={(count) => {
            set({ count });
          }}
        />
      </div>
    );
  }
  return wave.kind === "rest" ? <span className={cell.quiet}>{text().plan.restHint}</span> : null;
}
