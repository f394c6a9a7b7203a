import { Tooltip } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { VehicleAssignment } from "../../api/model";
import { campaignQuery, vehicleAssignmentsQuery } from "../../api/queries";
import { Panel } from "../../components/Panel";
import { Pending } from "../../components/Pending";
import { Badge } from "../../components/StateBadge";
import { cell, Table } from "../../components/Table";
import { useNow } from "../../components/useNow";
import { When } from "../../components/When";
import { formatPercent, formatSeconds } from "../../format/number";
import { formatAbsolute } from "../../format/time";
import { text } from "../../i18n";
import { lanes, type Lane } from "../../rollout/lanes";
import { isOver, stateColor, stateLabel } from "../../rollout/states";
import classes from "./Campaigns.module.css";
import { WhyNot } from "./WhyNot";

/** The campaigns that the vehicle was in, each with the steps it took. */
export function Campaigns({ vin }: { vin: string }) {
  const t = text().vehicle;
  const { data, error, refetch } = useQuery(vehicleAssignmentsQuery(vin));
  return (
    <Panel title={t.campaigns}>
      {data === undefined ? (
        <Pending error={error} retry={() => void refetch()} rows={3} />
      ) : data.length === 0 ? (
        <p className={classes.none}>{t.noCampaigns}</p>
      ) : (
        <ul className={classes.campaigns}>
          {data.map((assignment, index) => (
            <Assignment key={assignment.campaign} vin={vin} assignment={assignment} open={index === 0} />
          ))}
        </ul>
      )}
    </Panel>
  );
}

function Assignment({ vin, assignment, open }: { vin: string; assignment: VehicleAssignment; open: boolean }) {
  const t = text().vehicle;
  const now = useNow();
  const { data: campaign } = useQuery(campaignQuery(assignment.campaign));
  const name = campaign?.name ?? text().campaign.number(assignment.campaign);
  return (
    <li className={classes.campaign}>
      <header className={classes.head}>
        <Link to="/campaigns/$id" params={{ id: assignment.campaign }} search={{}}>
          {name}
        </Link>
        <Badge label={stateLabel(assignment.state)} color={stateColor(assignment.state)} />
        <span className={classes.facts}>
          {t.wave(assignment.wave)} · <When at={assignment.updated_at} />
          {assignment.error_code != null && <> · {assignment.error_code}</>}
        </span>
      </header>
      {!isOver(assignment.state) && <WhyNot campaign={assignment.campaign} vin={vin} />}
      {lanes(assignment.history, now).map((lane) => (
        <Swimlane key={lane.attempt} lane={lane} label={t.lane(name)} />
      ))}
      {assignment.log != null && assignment.log !== "" && <pre className={classes.log}>{assignment.log}</pre>}
      <details className={classes.reports} open={open}>
        <summary>{t.reports}</summary>
        <Reports assignment={assignment} />
      </details>
    </li>
  );
}

/** The steps of an attempt, as long as they took; a short one is still seen. */
function Swimlane({ lane, label }: { lane: Lane; label: string }) {
  const t = text().vehicle;
  const took = (from: number, to: number) => formatSeconds((to - from) / 1000);
  const spoken = lane.spans.map((span) => `${stateLabel(span.state)} ${took(span.from, span.to)}`);
  if (lane.end) spoken.push(stateLabel(lane.end.state));
  return (
    <div className={classes.lane}>
      <span className={classes.attempt}>{t.attempt(lane.attempt)}</span>
      <div className={classes.track} role="img" aria-label={`${label}, ${t.attempt(lane.attempt)}: ${spoken.join(", ")}`}>
        {lane.spans.map((span) => (
          <Tooltip
            key={`${span.from} ${span.state}`}
            label={`${stateLabel(span.state)}: ${t.took(took(span.from, span.to))}, ${formatAbsolute(span.from)}`}
            events={{ hover: true, focus: false, touch: true }}
            withArrow
          >
            <span
              className={classes.span}
              style={{ "--part": Math.max(span.to - span.from, 1), "--part-color": stateColor(span.state) }}
            >
              <span className={classes.step}>{stateLabel(span.state)}</span>
              <span className={classes.time}>{took(span.from, span.to)}</span>
            </span>
          </Tooltip>
        ))}
        {lane.end && (
          <span className={classes.end} style={{ "--part-color": stateColor(lane.end.state) }}>
            <span className={classes.step}>{stateLabel(lane.end.state)}</span>
          </span>
        )}
      </div>
    </div>
  );
}

function Reports({ assignment }: { assignment: VehicleAssignment }) {
  const t = text().vehicle;
  const said = text().campaign;
  const origins: Record<string, string> = t.byOrigin;
  return (
    <Table
      label={t.reports}
      minWidth={34}
      head={
        <>
          <th>{said.state}</th>
          <th>{said.attempt}</th>
          <th>{t.reported}</th>
          <th>{said.error}</th>
          <th>{t.reportedBy}</th>
        </>
      }
    >
      {assignment.history.map((report) => (
        <tr key={report.id}>
          <th scope="row" className={cell.time}>
            <Badge label={stateLabel(report.state)} color={stateColor(report.state)} />
            {report.progress_percent != null && (
              <span className={cell.quiet}> {formatPercent(report.progress_percent / 100)}</span>
            )}
          </th>
          <td>{report.attempt}</td>
          <td className={cell.time}>{formatAbsolute(Date.parse(report.received_at))}</td>
          <td>
            {report.error_code ?? ""}
            {Object.entries(report.versions).map(([ecu, version]) => (
              <div key={ecu} className={cell.quiet}>
                {ecu} {version}
              </div>
            ))}
          </td>
          <td className={cell.quiet}>{origins[report.origin] ?? report.origin}</td>
        </tr>
      ))}
    </Table>
  );
}
