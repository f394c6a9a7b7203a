import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { revokeToken } from "../../api/client";
import type { Token } from "../../api/model";
import { keys, tokensQuery } from "../../api/queries";
import { currentSession, may, ROLES } from "../../api/session";
import { Confirm } from "../../components/Confirm";
import { Chips, Fact, Facts } from "../../components/Facts";
import { Pending } from "../../components/Pending";
import { KeyIcon, PlusIcon } from "../../components/icons";
import { Notice } from "../../components/Notice";
import { PageHeader } from "../../components/PageHeader";
import { Panel } from "../../components/Panel";
import { Badge } from "../../components/StateBadge";
import { cell, Table } from "../../components/Table";
import { useNow } from "../../components/useNow";
import { When } from "../../components/When";
import { text } from "../../i18n";
import page from "../Page.module.css";
import { NewToken } from "./NewToken";
import { Sessions } from "./Sessions";

/** Who may come in: the tokens of people and programs, and who is signed in. */
export function Access() {
  const t = text().access;
  if (!may("admin")) {
    return (
      <div className={page.page}>
        <PageHeader title={t.title} />
        <Sessions />
        <Panel title={t.tokens}>
          <Notice icon={<KeyIcon size={26} />} title={t.onlyAdmins}>
            {t.onlyAdminsText}
          </Notice>
        </Panel>
        <Roles />
      </div>
    );
  }
  return <Tokens />;
}

function Tokens() {
  const t = text().access;
  const { data, error, refetch } = useQuery(tokensQuery);
  const [creating, setCreating] = useState(false);
  return (
    <div className={page.page}>
      <PageHeader
        title={t.title}
        lead={t.lead}
        actions={
          <Button
            leftSection={<PlusIcon size={16} />}
            onClick={() => {
              setCreating(true);
            }}
          >
            {t.create}
          </Button>
        }
      />
      <Panel title={t.tokens}>
        {data !== undefined ? (
          <List tokens={data} />
        ) : (
          <Pending error={error} retry={() => void refetch()} />
        )}
      </Panel>
      <Sessions />
      <Roles />
      {creating && (
        <NewToken
          close={() => {
            setCreating(false);
          }}
        />
      )}
    </div>
  );
}

/** What each role may do. */
function Roles() {
  const t = text().access;
  return (
    <Panel title={t.roles}>
      <p className={page.quiet}>{t.rolesLead}</p>
      <Facts>
        {ROLES.map((role) => (
          <Fact key={role} term={text().roles[role]}>
            {t.roleHints[role]}
          </Fact>
        ))}
      </Facts>
      <p className={page.quiet}>{t.rolesOidc}</p>
    </Panel>
  );
}

function List({ tokens }: { tokens: readonly Token[] }) {
  const t = text().access;
  const client = useQueryClient();
  const [asked, setAsked] = useState<Token>();
  const close = () => {
    setAsked(undefined);
  };
  const revoking = useMutation({
    mutationFn: (id: string) => revokeToken(id),
    onSuccess: close,
    onSettled: () => client.invalidateQueries({ queryKey: keys.tokens }),
  });
  return (
    <>
      <Table
        label={t.title}
        minWidth={48}
        head={
          <>
            <th>{t.name}</th>
            <th>{t.role}</th>
            <th>{t.limits}</th>
            <th>{t.state}</th>
            <th>{t.created}</th>
            <th>{t.expires}</th>
            <th />
          </>
        }
      >
        {tokens.map((token) => (
          <tr key={token.id}>
            <th scope="row">
              {token.name}
              {token.name === currentSession()?.name && <span className={cell.quiet}> ({t.you})</span>}
            </th>
            <td>{text().roles[token.role]}</td>
            <td>
              <Limits token={token} />
            </td>
            <td>
              <TokenState token={token} />
            </td>
            <td className={cell.time}>
              <When at={token.created_at} />
            </td>
            <td className={cell.time}>{token.expires_at == null ? t.never : <When at={token.expires_at} />}</td>
            <td className={cell.number}>
              {token.revoked_at == null && (
                <Button
                  size="xs"
                  variant="default"
                  aria-label={t.revokeOf(token.name)}
                  onClick={() => {
                    revoking.reset();
                    setAsked(token);
                  }}
                >
                  {t.revoke}
                </Button>
              )}
            </td>
          </tr>
        ))}
      </Table>
      {asked && (
        <Confirm
          final
          title={t.revokeAsk(asked.name)}
          effects={t.revokeEffects}
          confirm={t.revokeConfirm}
          busy={revoking.isPending}
          error={revoking.error}
          close={close}
          submit={() => {
            revoking.mutate(asked.id);
          }}
        />
      )}
    </>
  );
}

/** What the token is limited to beside its role. */
function Limits({ token }: { token: Token }) {
  const limits = [...(token.models ?? []), ...(token.calls ?? []).map((call) => `/${call}`)];
  return limits.length === 0 ? <span className={cell.quiet}>{text().access.unlimited}</span> : <Chips words={limits} />;
}

function TokenState({ token }: { token: Token }) {
  const t = text().access;
  const now = useNow();
  if (token.revoked_at != null) return <Badge label={t.revoked} color="var(--state-cancelled)" />;
  if (token.expires_at != null && Date.parse(token.expires_at) <= now) {
    return <Badge label={t.expired} color="var(--state-timed-out)" />;
  }
  return <Badge label={t.working} color="var(--state-installed)" />;
}
