import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { mayAct } from "../../api/acts";
import type { Release, ReleaseEvidence } from "../../api/model";
import { evidenceQuery } from "../../api/queries";
import { Fact, Facts } from "../../components/Facts";
import { Panel } from "../../components/Panel";
import { Pending } from "../../components/Pending";
import { When } from "../../components/When";
import { text } from "../../i18n";
import page from "../Page.module.css";
import { EvidenceForm } from "./EvidenceForm";

/** What is stated of a release for an auditor. */
export function Evidence({ release }: { release: Release }) {
  const t = text().evidence;
  const { data, error, refetch } = useQuery(evidenceQuery(release.id));
  const [writing, setWriting] = useState(false);
  return (
    <Panel
      title={t.title}
      aside={
        data !== undefined &&
        mayAct("stateEvidence") && (
          <Button
            size="xs"
            variant="default"
            onClick={() => {
              setWriting(true);
            }}
          >
            {data === null ? t.state : t.change}
          </Button>
        )
      }
    >
      {data === undefined ? (
        <Pending error={error} retry={() => void refetch()} rows={2} />
      ) : data === null ? (
        <p className={page.quiet}>{t.none}</p>
      ) : (
        <Stated evidence={data} />
      )}
      {writing && (
        <EvidenceForm
          release={release}
          known={data ?? undefined}
          close={() => {
            setWriting(false);
          }}
        />
      )}
    </Panel>
  );
}

function Stated({ evidence }: { evidence: ReleaseEvidence }) {
  const t = text().evidence;
  const reference = evidence.type_approval_reference ?? "";
  return (
    <Facts>
      <Fact term={t.purpose}>{evidence.purpose}</Fact>
      <Fact term={t.affected}>{evidence.affected}</Fact>
      <Fact term={t.approval}>
        {t.approvals[evidence.type_approval]}
        {reference !== "" && ` · ${reference}`}
      </Fact>
      <Fact term={t.verification}>{evidence.verification}</Fact>
      <Fact term={t.stated}>
        <When at={evidence.stated_at} /> · {evidence.stated_by}
      </Fact>
    </Facts>
  );
}
