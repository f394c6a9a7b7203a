import { Button, NativeSelect, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { mayAct } from "../../api/acts";
import { revokeKey, rotateKey } from "../../api/keys";
import type { OnlineRole, SigningKey } from "../../api/model";
import { keys, signingKeysQuery } from "../../api/queries";
import { Ask } from "../../components/Ask";
import { Hash } from "../../components/Hash";
import { PlusIcon } from "../../components/icons";
import { Panel } from "../../components/Panel";
import { Pending } from "../../components/Pending";
import { Badge } from "../../components/StateBadge";
import { Table } from "../../components/Table";
import { text } from "../../i18n";

const ROLES: readonly OnlineRole[] = ["timestamp", "snapshot", "campaigns", "targets"];

/** The keys that the service signs with: which count, which follow, and those that nothing needs any more. */
export function Keys({ model }: { model: string }) {
  const t = text().keys;
  const { data, error, refetch } = useQuery(signingKeysQuery(model));
  const [asked, setAsked] = useState<SigningKey | "next">();
  const close = () => {
    setAsked(undefined);
  };
  return (
    <Panel
      title={t.title}
      aside={
        mayAct("rotateKey") && (
          <Button
            size="xs"
            variant="default"
            leftSection={<PlusIcon size={14} />}
            onClick={() => {
              setAsked("next");
            }}
          >
            {t.makeNext}
          </Button>
        )
      }
    >
      {data === undefined ? <Pending error={error} retry={() => void refetch()} rows={4} /> : <List signing={data} revoke={setAsked} />}
      {asked === "next" && <Next model={model} close={close} />}
      {asked !== undefined && asked !== "next" && (
        <Ask
          final
          title={t.revokeAsk(asked.role)}
          effects={t.revokeEffects}
          confirm={t.revokeConfirm}
          reason="none"
          run={() => revokeKey(model, asked.key_id)}
          touched={[keys.model(model), keys.models, keys.audit]}
          close={close}
        />
      )}
    </Panel>
  );
}

function List({ signing, revoke }: { signing: readonly SigningKey[]; revoke: (key: SigningKey) => void }) {
  const t = text().keys;
  return (
    <Table
      label={t.title}
      minWidth={44}
      head={
        <>
          <th>{t.role}</th>
          <th>{t.state}</th>
          <th>{t.keyId}</th>
          <th>{t.publicKey}</th>
          <th />
        </>
      }
    >
      {signing.map((key) => (
        <tr key={key.key_id}>
          <th scope="row">{t.roles[key.role]}</th>
          <td>
            <Badge {...standing(key)} />
          </td>
          <td>
            <Hash digits={12} value={key.key_id} label={t.copyKeyId(key.role)} />
          </td>
          <td>
            <Hash digits={12} value={key.public_key} label={t.copyPublicKey(key.role)} />
          </td>
          <td style={{ textAlign: "right" }}>
            {!key.in_force && !key.newest && mayAct("revokeKey") && (
              <Button
                size="xs"
                variant="default"
                onClick={() => {
                  revoke(key);
                }}
              >
                {t.revoke}
              </Button>
            )}
          </td>
        </tr>
      ))}
    </Table>
  );
}

/** What a key is good for now. */
function standing(key: SigningKey): { label: string; color: string } {
  const t = text().keys;
  if (key.in_force) return key.newest ? { label: t.signs, color: "var(--state-installed)" } : { label: t.signsOld, color: "var(--state-timed-out)" };
  return key.newest ? { label: t.follows, color: "var(--state-downloading)" } : { label: t.old, color: "var(--state-cancelled)" };
}

/** Another key for a role: made by the service, or in a hardware module or the environment. */
function Next({ model, close }: { model: string; close: () => void }) {
  const t = text().keys;
  const [role, setRole] = useState<OnlineRole>("timestamp");
  const [reference, setReference] = useState("");
  return (
    <Ask
      title={t.nextAsk}
      effects={role === "campaigns" ? t.nextEffectsCampaigns : t.nextEffects}
      confirm={t.nextConfirm}
      reason="none"
      run={() => rotateKey(model, role, reference.trim())}
      touched={[keys.model(model), keys.models, keys.audit]}
      close={close}
    >
      <NativeSelect
        label={t.role}
        value={role}
        data={ROLES.map((one) => ({ value: one, label: t.roles[one] }))}
        onChange={(event) => {
          setRole(ROLES.find((one) => one === event.currentTarget.value) ?? "timestamp");
        }}
      />
      <TextInput
        label={`${t.reference} (${text().common.optional})`}
        description={t.referenceHint}
        placeholder="pkcs11:token=otaru;object=…"
        value={reference}
        maxLength={512}
        spellCheck={false}
        onChange={(event) => {
          setReference(event.currentTarget.value);
        }}
      />
    </Ask>
  );
}
