import { useInfiniteQuery, useQueries } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { Release } from "../../api/model";
import { campaignsQuery, versionsQuery } from "../../api/queries";
import { ListPage } from "../../components/ListPage";
import { Panel } from "../../components/Panel";
import { StateBadge } from "../../components/StateBadge";
import { StateBar } from "../../components/StateBar";
import { cell, rowLink, Table } from "../../components/Table";
import { formatCount, formatPercent } from "../../format/number";
import { text } from "../../i18n";
import { tally } from "../../rollout/progress";
import page from "../Page.module.css";

/** On how many vehicles of each model each image runs, by what they last told. */
export function Runs({ release }: { release: Release }) {
  const t = text().releaseGraph;
  const versions = useQueries({ queries: release.models.map((model) => versionsQuery(model)) });
  return (
    <Panel title={t.runs}>
      <Table
        label={t.runs}
        minWidth={12 + release.images.length * 7}
        head={
          <>
            <th>{text().releases.models}</th>
            {release.images.map((image) => (
              <th key={image.hardware_id} className={cell.number}>
                {image.hardware_id} {image.version}
              </th>
            ))}
          </>
        }
      >
        {release.models.map((model, index) => (
          <tr key={model}>
            <th scope="row">
              <Link to="/models/$model" params={{ model }} className={rowLink}>
                {model}
              </Link>
            </th>
            {release.images.map((image) => {
              const told = versions[index]?.data?.find((one) => one.hardware_id === image.hardware_id);
              const running = told?.versions.find((one) => one.version === image.version)?.vehicles ?? 0;
              const all = told?.vehicles ?? 0;
              return (
                <td key={image.hardware_id} className={cell.number}>
                  {formatCount(running)}
                  {all > 0 && <small>{formatPercent(running / all)}</small>}
                </td>
              );
            })}
          </tr>
        ))}
      </Table>
    </Panel>
  );
}

/** The campaigns that roll the release out, the newest first. */
export function RolledOut({ release }: { release: Release }) {
  const t = text().releaseGraph;
  const query = useInfiniteQuery(campaignsQuery({ release: release.id }));
  return (
    <Panel title={t.campaigns}>
      <ListPage query={query} empty={<p className={page.quiet}>{t.noCampaigns}</p>}>
        {(campaigns) => (
          <Table
            label={t.campaigns}
            minWidth={26}
            head={
              <>
                <th>{text().campaigns.name}</th>
                <th>{text().campaigns.state}</th>
                <th className={cell.wide}>{text().campaigns.progress}</th>
                <th className={cell.number}>{text().campaigns.vehicles}</th>
              </>
            }
          >
            {campaigns.map((campaign) => {
              const { total } = tally(campaign.counters, campaign.members);
              return (
                <tr key={campaign.id}>
                  <th scope="row">
                    <Link to="/campaigns/$id" params={{ id: campaign.id }} search={{}} className={rowLink}>
                      {campaign.name}
                    </Link>
                  </th>
                  <td>
                    <StateBadge state={campaign.state} />
                  </td>
                  <td>
                    {total > 0 && (
                      <StateBar thin label={text().campaigns.progressOf(campaign.name)} counters={campaign.counters} members={campaign.members} />
                    )}
                  </td>
                  <td className={cell.number}>{total === 0 ? "–" : formatCount(total)}</td>
                </tr>
              );
            })}
          </Table>
        )}
      </ListPage>
    </Panel>
  );
}
