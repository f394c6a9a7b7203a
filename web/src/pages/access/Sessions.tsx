import { Button, Group, Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { mayAct } from "../../api/acts";
import type { PersonSession } from "../../api/model";
import { endPersonSession, endPersonSessions, sessionsQuery } from "../../api/people";
import { keys } from "../../api/queries";
import { Ask } from "../../components/Ask";
import { Panel } from "../../components/Panel";
import { Pending } from "../../components/Pending";
import { cell, Table } from "../../components/Table";
import { When } from "../../components/When";
import { text } from "../../i18n";
import { peopleText } from "../../i18n/people";
import page from "../Page.module.css";
import { byPerson } from "./sessions";

/** Who is signed in by an OpenID provider: an admin sees all and may end them, everybody else their own. */
export function Sessions() {
  const t = peopleText().sessions;
  const { data, error, refetch } = useQuery(sessionsQuery);
  const all = mayAct("endSession");
  return (
    <Panel title={all ? t.title : t.own}>
      {data === undefined ? (
        <Pending error={error} retry={() => void refetch()} />
      ) : data.length === 0 ? (
        <p className={page.quiet}>{all ? t.none : t.noneOwn}</p>
      ) : (
        <Stack gap="sm">
          <p className={page.quiet}>{all ? t.lead : t.leadOwn}</p>
          <List sessions={data} all={all} />
        </Stack>
      )}
    </Panel>
  );
}

interface Asked {
  session: PersonSession;
  /** All of the person's. */
  every: boolean;
}

function List({ sessions, all }: { sessions: readonly PersonSession[]; all: boolean }) {
  const t = peopleText().sessions;
  const [asked, setAsked] = useState<Asked>();
  return (
    <>
      <Table
        label={all ? t.title : t.own}
        minWidth={52}
        head={
          <>
            <th>{t.person}</th>
            <th>{text().access.role}</th>
            <th>{t.issuer}</th>
            <th>{t.since}</th>
            <th>{t.used}</th>
            <th>{text().access.expires}</th>
            {all && <th />}
          </>
        }
      >
        {byPerson(sessions).flatMap((own) => own.map((session, at) => (
          <tr key={session.id}>
            <th scope="row" title={session.actor}>
              {session.display_name}
              {session.current && <span className={cell.quiet}> ({t.current})</span>}
            </th>
            <td>{text().roles[session.role]}</td>
            <td className={cell.quiet}>{session.issuer}</td>
            <td className={cell.time}>
              <When at={session.created_at} />
            </td>
            <td className={cell.time}>{session.last_used_at == null ? "–" : <When at={session.last_used_at} />}</td>
            <td className={cell.time}>
              <When at={session.expires_at} />
            </td>
            {all && (
              <td className={cell.number}>
                <Ends session={session} several={at === 0 && own.length > 1} ask={setAsked} />
              </td>
            )}
          </tr>
        )))}
      </Table>
      {asked && (
        <Ask
          final
          title={(asked.every ? t.endAllAsk : t.endAsk)(asked.session.display_name)}
          effects={t.endEffects}
          confirm={asked.every ? t.endAllConfirm : t.endConfirm}
          reason="none"
          run={() => (asked.every ? endPersonSessions(asked.session.actor) : endPersonSession(asked.session.id))}
          touched={[keys.sessions, keys.audit]}
          close={() => {
            setAsked(undefined);
          }}
        />
      )}
    </>
  );
}

interface EndsProps {
  session: PersonSession;
  /** It is the first of several of the same person. */
  several: boolean;
  ask: (asked: Asked) => void;
}

function Ends({ session, several, ask }: EndsProps) {
  const t = peopleText().sessions;
  return (
    <Group gap="xs" justify="flex-end" wrap="nowrap">
      {several && (
        <Button
          size="xs"
          variant="default"
          aria-label={t.endAllOf(session.display_name)}
          onClick={() => {
            ask({ session, every: true });
          }}
        >
          {t.endAll}
        </Button>
      )}
      <Button
        size="xs"
        variant="default"
        aria-label={t.endOf(session.display_name)}
        onClick={() => {
          ask({ session, every: false });
        }}
      >
        {t.end}
      </Button>
    </Group>
  );
}
