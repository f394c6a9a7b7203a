import { Button, TextInput } from "@mantine/core";
import { useState } from "react";
import { mayAct } from "../../api/acts";
import { setRecipients } from "../../api/keys";
import type { Model } from "../../api/model";
import { keys } from "../../api/queries";
import { Ask } from "../../components/Ask";
import { Hash } from "../../components/Hash";
import { PlusIcon } from "../../components/icons";
import { Panel } from "../../components/Panel";
import { Table } from "../../components/Table";
import { text } from "../../i18n";
import { recordsText } from "../../i18n/records";
import page from "../Page.module.css";

/** For whom the images of the model's next releases are encrypted. */
export function Recipients({ model }: { model: Model }) {
  const t = recordsText().encryption;
  const [asked, setAsked] = useState<{ remove?: string }>();
  const [added, setAdded] = useState("");
  const close = () => {
    setAsked(undefined);
    setAdded("");
  };
  const present = model.age_recipients;
  const remove = asked?.remove;
  const next = remove === undefined ? [...present, added.trim()] : present.filter((one) => one !== remove);
  const last = next.length === 0;
  return (
    <Panel
      title={t.title}
      aside={
        mayAct("encrypt") && (
          <Button
            size="xs"
            variant="default"
            leftSection={<PlusIcon size={14} />}
            onClick={() => {
              setAsked({});
            }}
          >
            {t.add}
          </Button>
        )
      }
    >
      {present.length === 0 ? (
        <p className={page.quiet}>{t.none}</p>
      ) : (
        <Table
          label={t.title}
          minWidth={30}
          head={
            <>
              <th>{t.recipient}</th>
              <th />
            </>
          }
        >
          {present.map((one) => (
            <tr key={one}>
              <th scope="row">
                <Hash whole value={one} label={t.copy} />
              </th>
              <td style={{ textAlign: "right" }}>
                {mayAct("encrypt") && (
                  <Button
                    size="xs"
                    variant="default"
                    aria-label={`${text().common.remove}: ${one}`}
                    onClick={() => {
                      setAsked({ remove: one });
                    }}
                  >
                    {text().common.remove}
                  </Button>
                )}
              </td>
            </tr>
          ))}
        </Table>
      )}
      {asked !== undefined && (
        <Ask
          title={remove === undefined ? t.addAsk : t.removeAsk}
          effects={remove === undefined ? t.addEffects : last ? t.lastEffects : t.removeEffects}
          confirm={remove === undefined ? t.add : text().common.remove}
          final={remove !== undefined}
          reason="none"
          run={() => setRecipients(model.id, next)}
          touched={[keys.model(model.id), keys.models, keys.audit]}
          close={close}
        >
          {remove === undefined && (
            <TextInput
              label={t.recipient}
              description={t.hint}
              placeholder="age1…"
              value={added}
              maxLength={100}
              spellCheck={false}
              data-autofocus
              onChange={(event) => {
                setAdded(event.currentTarget.value);
              }}
            />
          )}
        </Ask>
      )}
    </Panel>
  );
}
