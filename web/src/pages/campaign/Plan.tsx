import { Button, Code, Group } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { mayAct } from "../../api/acts";
import type { Campaign } from "../../api/model";
import { AuditLink } from "../../components/AuditLink";
import { DossierLinks } from "../../components/DossierLinks";
import { Fact, Facts } from "../../components/Facts";
import { Panel } from "../../components/Panel";
import { ReleaseName } from "../../components/ReleaseName";
import { When } from "../../components/When";
import { text } from "../../i18n";
import { isBeforeReview } from "../../rollout/offers";
import { PolicyFacts } from "./PolicyFacts";

/** What was asked for when the campaign was created. */
export function Plan({ campaign }: { campaign: Campaign }) {
  const t = text().campaign;
  return (
    <Panel
      title={t.plan}
      aside={
        <Group gap="md">
          <AuditLink about={{ object: `campaign-${campaign.id}` }} />
          <DossierLinks of={{ campaign: campaign.id }} />
          {isBeforeReview(campaign) && mayAct("change") && (
            <Button
              size="xs"
              variant="default"
              renderRoot={(props) => <Link to="/campaigns/$id/edit" params={{ id: campaign.id }} {...props} />}
            >
              {t.change}
            </Button>
          )}
        </Group>
      }
    >
      <Facts>
        <Fact term={t.release}>
          <Link to="/releases/$id" params={{ id: campaign.release }}>
            <ReleaseName id={campaign.release} />
          </Link>
        </Fact>
        <Fact term={t.target}>
          <Code block>{campaign.target}</Code>
        </Fact>
        <Fact term={t.membership}>{t.memberships[campaign.policy.membership ?? "snapshot"]}</Fact>
        {campaign.precondition != null && (
          <Fact term={t.precondition}>
            <Code block>{campaign.precondition}</Code>
            {campaign.policy.precondition_waiver != null && t.waived(campaign.policy.precondition_waiver)}
          </Fact>
        )}
        {campaign.start_at != null && (
          <Fact term={t.notBefore}>
            <When at={campaign.start_at} />
          </Fact>
        )}
        <Fact term={t.deadline}>
          <When at={campaign.deadline} />
        </Fact>
        <Fact term={t.priority}>{campaign.priority}</Fact>
        <Fact term={text().plan.policies}>
          <PolicyFacts policy={campaign.policy} />
        </Fact>
        <Fact term={t.created}>
          <When at={campaign.created_at} /> · {campaign.created_by}
        </Fact>
      </Facts>
    </Panel>
  );
}
