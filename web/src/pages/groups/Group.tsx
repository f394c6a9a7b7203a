import { Button, Code, Group as Row } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { mayAct } from "../../api/acts";
import { asApiError } from "../../api/errors";
import { deleteGroup } from "../../api/groups";
import type { Group as GroupModel } from "../../api/model";
import { groupQuery, keys } from "../../api/queries";
import { Ask } from "../../components/Ask";
import { AuditLink } from "../../components/AuditLink";
import { CopyButton } from "../../components/CopyButton";
import { Fact, Facts } from "../../components/Facts";
import { Failure } from "../../components/Failure";
import { PageHeader } from "../../components/PageHeader";
import { Panel } from "../../components/Panel";
import { LoadingRows } from "../../components/Pending";
import { When } from "../../components/When";
import { text } from "../../i18n";
import { NotFound } from "../NotFound";
import page from "../Page.module.css";
import { ChangeGroup } from "./ChangeGroup";
import { inTarget, kindOf } from "./form";
import classes from "./Group.module.css";
import { AddVehicles, GroupVehicles } from "./GroupVehicles";

/** One group: who is in it, how targets name it, and what may be done with it. */
export function Group() {
  const t = text().groups;
  const { group: id } = useParams({ from: "/signed-in/groups/$group" });
  const { data, error, refetch } = useQuery(groupQuery(id));
  if (data === undefined) {
    if (error === null) return <LoadingRows />;
    const status = asApiError(error).status;
    if (status === 404 || status === 400) return <NotFound what={t.notFound(id)} />;
    return <Failure page again error={error} retry={() => void refetch()} />;
  }
  return (
    <div className={page.page}>
      <PageHeader
        title={data.name}
        lead={`${data.id} · ${t.kinds[kindOf(data)]}`}
        back={{ to: "/groups", label: t.title }}
        actions={<Actions group={data} />}
      />
      {data.expression == null ? (
        <>
          <div className={page.columns}>
            {mayAct("changeGroupVehicles") && <AddVehicles group={data.id} />}
            <Details group={data} />
          </div>
          <GroupVehicles group={data.id} />
        </>
      ) : (
        <>
          <Panel title={t.who}>
            <Code block>{data.expression}</Code>
            <p className={page.quiet}>{t.dynamicHint}</p>
          </Panel>
          <Details group={data} />
        </>
      )}
    </div>
  );
}

function Details({ group }: { group: GroupModel }) {
  const t = text().groups;
  const expression = inTarget(group.id);
  return (
    <Panel title={t.details} aside={<AuditLink about={{ object: `group-${group.id}` }} />}>
      <Facts>
        <Fact term={t.inTarget}>
          <span className={classes.target}>
            <code>{expression}</code>
            <CopyButton value={expression} label={t.copyInTarget} />
          </span>
        </Fact>
        <Fact term={t.created}>
          <When at={group.created_at} /> · {group.created_by}
        </Fact>
      </Facts>
    </Panel>
  );
}

function Actions({ group }: { group: GroupModel }) {
  const t = text().groups;
  const navigate = useNavigate();
  const [asked, setAsked] = useState<"change" | "delete">();
  const close = () => {
    setAsked(undefined);
  };
  return (
    <Row gap="xs">
      {mayAct("deleteGroup") && (
        <Button
          variant="default"
          onClick={() => {
            setAsked("delete");
          }}
        >
          {t.remove}
        </Button>
      )}
      {mayAct("changeGroup") && (
        <Button
          onClick={() => {
            setAsked("change");
          }}
        >
          {t.change}
        </Button>
      )}
      {asked === "change" && <ChangeGroup group={group} close={close} />}
      {asked === "delete" && (
        <Ask
          final
          title={t.removeAsk(group.name)}
          effects={t.removeEffects}
          confirm={t.removeConfirm}
          reason="none"
          run={() => deleteGroup(group.id)}
          touched={[keys.groups]}
          done={() => void navigate({ to: "/groups" })}
          close={close}
        />
      )}
    </Row>
  );
}
