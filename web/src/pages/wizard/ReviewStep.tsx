import { Code } from "@mantine/core";
import type { NewCampaign, Preview, Release, WavePlan } from "../../api/model";
import { Fact, Facts } from "../../components/Facts";
import { cell, Table } from "../../components/Table";
import { formatBytes, formatCount, formatPercent, formatSeconds, plural } from "../../format/number";
import { formatMoment } from "../../format/time";
import { text } from "../../i18n";
import { earliestOpenings } from "../../plan/course";
import type { Draft } from "../../plan/draft";
import { fastestRate } from "../../plan/policy";
import { rampShares } from "../../plan/waves";
import { gateConditions } from "../../rollout/gates";
import { PolicyFacts } from "../campaign/PolicyFacts";
import classes from "./Wizard.module.css";

interface ReviewStepProps {
  draft: Draft;
  request: NewCampaign;
  release: Release;
  preview: Preview | undefined;
  now: number;
}

/** Everything once more, with what each wave puts at stake. */
export function ReviewStep({ draft, request, release, preview, now }: ReviewStepProps) {
  const t = text().wizard;
  const said = text().campaign;
  const matching = preview?.matching ?? 0;
  return (
    <>
      <p className={classes.lead}>{t.reviewLead}</p>
      <Facts>
        <Fact term={t.name}>{request.name}</Fact>
        <Fact term={said.release}>
          {release.name} {release.version} ·{" "}
          {release.images.map((image) => `${image.hardware_id} ${image.version}`).join(", ")}
        </Fact>
        <Fact term={said.target}>
          <Code block>{request.target}</Code>
        </Fact>
        <Fact term={said.vehicles}>
          {matching === 0 ? t.matchingNone : t.matching(plural(matching, text().count.vehicleMatches))}
        </Fact>
        <Fact term={said.membership}>{said.memberships[draft.policy.continuous ? "continuous" : "snapshot"]}</Fact>
        {request.precondition != null && (
          <Fact term={said.precondition}>
            <Code block>{request.precondition}</Code>
          </Fact>
        )}
        {request.start_at != null && <Fact term={said.notBefore}>{formatMoment(Date.parse(request.start_at), now)}</Fact>}
        <Fact term={said.deadline}>{formatMoment(Date.parse(request.deadline), now)}</Fact>
        {request.priority !== 0 && <Fact term={said.priority}>{request.priority}</Fact>}
        {request.policy && (
          <Fact term={text().plan.policies}>
            <PolicyFacts policy={request.policy} />
          </Fact>
        )}
      </Facts>
      <PlanTable draft={draft} request={request} release={release} preview={preview} now={now} />
      <p className={classes.lead}>{text().plan.beforeRehearsal}</p>
    </>
  );
}

/** The waves as asked for: those of a ramp are as the server will make them. */
function wavesOf({ waves, ramp }: NewCampaign): WavePlan[] {
  if (waves != null) return waves;
  if (ramp == null) return [];
  const { first_ratio, factor, ...gate } = ramp;
  return rampShares({ first_ratio, factor }).map((share_ratio) => ({ share_ratio, ...gate }));
}

function PlanTable({ draft, request, release, preview, now }: ReviewStepProps) {
  const t = text().wizard;
  const plan = wavesOf(request);
  const matching = preview?.matching ?? 0;
  const opens = earliestOpenings(plan, request.start_at == null ? now : Date.parse(request.start_at));
  const bytes = release.images.reduce((sum, image) => sum + image.length_bytes, 0);
  const rate = fastestRate(draft.policy);
  return (
    <Table
      label={t.plan}
      minWidth={44}
      head={
        <>
          <th>{text().campaign.wave}</th>
          <th className={cell.number}>{t.size}</th>
          <th>{t.openWhen}</th>
          <th>{t.blast}</th>
          <th>{text().plan.load}</th>
        </>
      }
    >
      {plan.map((wave, index) => {
        const size = preview?.waves[index]?.size;
        const reached = preview?.waves.slice(0, index + 1).reduce((sum, one) => sum + one.size, 0) ?? 0;
        const at = opens[index] ?? 0;
        return (
          <tr key={index}>
            <th scope="row">{index + 1}</th>
            <td className={cell.number}>
              {size === undefined ? "–" : formatCount(size)}
              {wave.share_ratio != null && <small>{formatPercent(wave.share_ratio)}</small>}
            </td>
            <td>
              {opening(plan, index, request.start_at == null ? undefined : formatMoment(Date.parse(request.start_at), now))}
              {index > 0 && at > now && <small>{text().plan.earliest(formatMoment(at, now))}</small>}
            </td>
            <td className={cell.time}>{t.blastText(plural(reached, text().count.vehicle), formatPercent(matching === 0 ? 0 : reached / matching))}</td>
            <td className={cell.time}>
              {size === undefined ? "–" : text().plan.loadOf(formatBytes(size * bytes))}
              {size !== undefined && rate !== undefined && <small>{text().plan.offeredWithin(formatSeconds((size / rate) * 60))}</small>}
            </td>
          </tr>
        );
      })}
    </Table>
  );
}

function opening(plan: readonly WavePlan[], index: number, start: string | undefined): string {
  const t = text().wizard;
  const before = plan[index - 1];
  if (before === undefined) return start === undefined ? t.opensAtStart : t.opensAt(start);
  const conditions = gateConditions(before.gate_installed_ratio ?? 0, before.gate, index);
  return conditions.length === 0 ? t.opensAtOnce(index) : text().plan.when(new Intl.ListFormat(document.documentElement.lang).format(conditions));
}
