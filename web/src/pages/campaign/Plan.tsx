import { Code } from "@mantine/core";
import type { ReactNode } from "react";
import type { Campaign } from "../../api/model";
import { Panel } from "../../components/Panel";
import { When } from "../../components/When";
import classes from "./Plan.module.css";

/** What was asked for when the campaign was created. */
export function Plan({ campaign }: { campaign: Campaign }) {
  return (
    <Panel title="Plan">
      <dl className={classes.plan}>
        <Row term="Target">
          <Code block>{campaign.target}</Code>
        </Row>
        {campaign.precondition != null && (
          <Row term="Precondition">
            <Code block>{campaign.precondition}</Code>
          </Row>
        )}
        {campaign.start_at != null && (
          <Row term="Not before">
            <When at={campaign.start_at} />
          </Row>
        )}
        <Row term="Deadline">
          <When at={campaign.deadline} />
        </Row>
      </dl>
    </Panel>
  );
}

function Row({ term, children }: { term: string; children: ReactNode }) {
  return (
    <>
      <dt>{term}</dt>
      <dd>{children}</dd>
    </>
  );
}
