import { NativeSelect } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { forecastsQuery } from "../../api/foresightQueries";
import type { Campaign } from "../../api/model";
import { campaignsQuery } from "../../api/queries";
import { may } from "../../api/session";
import { ShipIcon } from "../../components/icons";
import { ListPage } from "../../components/ListPage";
import { NewCampaignButton } from "../../components/NewCampaignButton";
import { Notice } from "../../components/Notice";
import { PageHeader } from "../../components/PageHeader";
import { Panel } from "../../components/Panel";
import { ReleaseName } from "../../components/ReleaseName";
import { StateBadge } from "../../components/StateBadge";
import { StateBar } from "../../components/StateBar";
import { cell, rowLink, Table } from "../../components/Table";
import { When } from "../../components/When";
import { formatCount, formatPercent } from "../../format/number";
import { text } from "../../i18n";
import { tally } from "../../rollout/progress";
import { CAMPAIGN_STATES, campaignLook, hasEnded } from "../../rollout/states";
import page from "../Page.module.css";
import { readCampaigns } from "../search";

/** All campaigns, newest first; which ones is in the URL. */
export function Campaigns() {
  const t = text().campaigns;
  const filter = useSearch({ from: "/signed-in/campaigns" });
  const navigate = useNavigate({ from: "/campaigns" });
  const query = useInfiniteQuery(campaignsQuery(filter));
  const { state } = filter;
  const filtered = state !== undefined;
  return (
    <div className={page.page}>
      <PageHeader title={t.title} actions={may("engineer") && <NewCampaignButton />} />
      <Panel
        title={state !== undefined ? campaignLook(state).label : text().common.all}
        aside={
          <NativeSelect
            size="xs"
            aria-label={t.state}
            value={filter.state ?? ""}
            data={[{ value: "", label: t.any }, ...CAMPAIGN_STATES.map((one) => ({ value: one, label: campaignLook(one).label }))]}
            onChange={(event) => {
              void navigate({ search: readCampaigns({ state: event.currentTarget.value }), replace: true });
            }}
          />
        }
      >
        <ListPage
          query={query}
          empty={
            <Notice
              icon={<ShipIcon size={26} />}
              title={filtered ? t.noneOfState : t.none}
              action={!filtered && may("engineer") && <NewCampaignButton light />}
            >
              {filtered ? t.noneOfStateText : t.noneText}
            </Notice>
          }
        >
          {(campaigns) => <List campaigns={campaigns} />}
        </ListPage>
      </Panel>
    </div>
  );
}

function List({ campaigns }: { campaigns: readonly Campaign[] }) {
  const t = text().campaigns;
  return (
    <Table
      label={t.title}
      minWidth={52}
      head={
        <>
          <th>{t.name}</th>
          <th>{t.state}</th>
          <th className={cell.wide}>{t.progress}</th>
          <th className={cell.number}>{t.vehicles}</th>
          <th className={cell.number}>{t.failures}</th>
          <th>{t.when}</th>
        </>
      }
    >
      {campaigns.map((campaign) => (
        <Row key={campaign.id} campaign={campaign} />
      ))}
    </Table>
  );
}

function Row({ campaign }: { campaign: Campaign }) {
  const t = text().campaigns;
  const { total, finished, finishedRatio, exited } = tally(campaign.counters, campaign.members);
  return (
    <tr>
      <th scope="row">
        <Link to="/campaigns/$id" params={{ id: campaign.id }} search={{}} className={rowLink}>
          {campaign.name}
        </Link>
        <small>
          {campaign.id} · <ReleaseName id={campaign.release} />
        </small>
      </th>
      <td>
        <StateBadge state={campaign.state} />
      </td>
      <td>
        {total === 0 ? (
          <span className={cell.quiet}>–</span>
        ) : (
          <>
            <StateBar thin label={t.progressOf(campaign.name)} counters={campaign.counters} members={campaign.members} />
            <small>{formatPercent(finishedRatio)} {text().campaign.finished}</small>
          </>
        )}
      </td>
      <td className={cell.number}>{total === 0 ? "–" : formatCount(total)}</td>
      <td className={cell.number}>
        {finished === 0 ? "–" : formatPercent(exited / finished)}
        {exited > 0 && <small>{formatCount(exited)}</small>}
      </td>
      <td className={cell.time}>
        <Moment campaign={campaign} />
      </td>
    </tr>
  );
}

/** When it ends: as it did, as was last forecast of one that runs, else at the latest. */
function Moment({ campaign }: { campaign: Campaign }) {
  const t = text().campaigns;
  const { data } = useQuery({ ...forecastsQuery(campaign.id), enabled: campaign.state === "running" });
  const expected = campaign.state === "running" ? data?.items[0]?.finish?.p50_at : undefined;
  const [label, at] = hasEnded(campaign.state)
    ? [t.ended, campaign.ended_at ?? campaign.state_at]
    : campaign.state === "scheduled" && campaign.start_at != null
      ? [t.starts, campaign.start_at]
      : [t.deadline, campaign.deadline];
  return expected === undefined ? (
    <>
      <When at={at} />
      <small>{label}</small>
    </>
  ) : (
    <>
      <When at={expected} />
      <small>
        {t.expected} · {t.deadline} <When at={campaign.deadline} />
      </small>
    </>
  );
}
