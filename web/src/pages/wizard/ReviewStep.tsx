import { Code } from "@mantine/core";
import type { Preview, Release, WavePlan } from "../../api/model";
import { Fact, Facts } from "../../components/Facts";
import { cell, Table } from "../../components/Table";
import { formatCount, formatPercent, plural } from "../../format/number";
import { formatMoment } from "../../format/time";
import { text } from "../../i18n";
import { checkedPlan, isPlan } from "../../rollout/plan";
import type { Draft } from "./draft";
import classes from "./Wizard.module.css";

interface ReviewStepProps {
  draft: Draft & { name: string };
  release: Release;
  preview: Preview | undefined;
  now: number;
}

/** Everything once more, with what each wave puts at stake. */
export function ReviewStep({ draft, release, preview, now }: ReviewStepProps) {
  const t = text().wizard;
  const said = text().campaign;
  const checked = checkedPlan(draft.waves);
  const plan = isPlan(checked) ? checked : [];
  const matching = preview?.matching ?? 0;
  return (
    <>
      <p className={classes.lead}>{t.reviewLead}</p>
      <Facts>
        <Fact term={t.name}>{draft.name}</Fact>
        <Fact term={said.release}>
          {release.name} {release.version} ·{" "}
          {release.images.map((image) => `${image.hardware_id} ${image.version}`).join(", ")}
        </Fact>
        <Fact term={said.target}>
          <Code block>{draft.target}</Code>
        </Fact>
        <Fact term={said.vehicles}>
          {matching === 0 ? t.matchingNone : t.matching(plural(matching, text().count.vehicleMatches))}
        </Fact>
        <Fact term={said.membership}>{said.memberships[draft.continuous ? "continuous" : "snapshot"]}</Fact>
        {draft.precondition.trim() !== "" && (
          <Fact term={said.precondition}>
            <Code block>{draft.precondition}</Code>
          </Fact>
        )}
        {draft.startAt !== "" && <Fact term={said.notBefore}>{formatMoment(Date.parse(draft.startAt), now)}</Fact>}
        <Fact term={said.deadline}>{formatMoment(Date.parse(draft.deadline), now)}</Fact>
      </Facts>
      <Table
        label={t.plan}
        minWidth={36}
        head={
          <>
            <th>{said.wave}</th>
            <th className={cell.number}>{t.size}</th>
            <th>{t.openWhen}</th>
            <th>{t.blast}</th>
          </>
        }
      >
        {plan.map((wave, index) => {
          const size = preview?.waves[index]?.size;
          const reached = preview?.waves.slice(0, index + 1).reduce((sum, one) => sum + one.size, 0) ?? 0;
          return (
            <tr key={index}>
              <th scope="row">{index + 1}</th>
              <td className={cell.number}>
                {size === undefined ? "–" : formatCount(size)}
                <small>{formatPercent(wave.share_ratio)}</small>
              </td>
              <td>{opening(plan, index, draft.startAt === "" ? undefined : formatMoment(Date.parse(draft.startAt), now))}</td>
              <td>
                {t.blastText(plural(reached, text().count.vehicle), formatPercent(matching === 0 ? 0 : reached / matching))}
              </td>
            </tr>
          );
        })}
      </Table>
    </>
  );
}

function opening(plan: readonly WavePlan[], index: number, start: string | undefined): string {
  const t = text().wizard;
  const before = plan[index - 1];
  if (before === undefined) return start === undefined ? t.opensAtStart : t.opensAt(start);
  if (before.gate_installed_ratio === 0) return t.opensAtOnce(index);
  return t.opensAfter(formatPercent(before.gate_installed_ratio), index);
}
