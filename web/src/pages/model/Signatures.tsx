import { Button, FileButton, Group } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { mayAct } from "../../api/acts";
import { draftAddress, putSigned, rootAddress, type SignedFile } from "../../api/keys";
import type { Model } from "../../api/model";
import { keys } from "../../api/queries";
import { Refused } from "../../components/Confirm";
import { Panel } from "../../components/Panel";
import { text } from "../../i18n";
import page from "../Page.module.css";
import classes from "./Signatures.module.css";

/** What people sign offline: the root, and targets that wait for an approver. The files go out here and come back here. */
export function Signatures({ model }: { model: Model }) {
  const t = text().keys;
  const waits = model.pending_targets;
  return (
    <Panel title={t.signatures}>
      <div className={classes.parts}>
        {waits != null && (
          <Part model={model.id} file="targets" title={t.targetsWait(waits)} hint={t.targetsHint} urgent>
            <code className={classes.command}>otaru keys sign</code>
          </Part>
        )}
        <Part
          model={model.id}
          file="root"
          title={model.state === "awaiting_root" ? t.rootWaits : t.rootNext}
          hint={model.state === "awaiting_root" ? text().models.hint : t.rootHint}
          urgent={model.state === "awaiting_root"}
        >
          <code className={classes.command}>otaru keys sign-root</code>
          {model.state !== "awaiting_root" && (
            <a className={classes.link} href={rootAddress(model.id)} download={`${model.id}-root.json`}>
              {t.presentRoot}
            </a>
          )}
        </Part>
      </div>
    </Panel>
  );
}

interface PartProps {
  model: string;
  file: SignedFile;
  title: string;
  hint: string;
  urgent: boolean;
  children: ReactNode;
}

function Part({ model, file, title, hint, urgent, children }: PartProps) {
  const t = text().keys;
  return (
    <section className={classes.part} data-urgent={urgent}>
      <h3 className={classes.title}>{title}</h3>
      <p className={page.quiet}>{hint}</p>
      <Group gap="sm" align="center">
        <a className={classes.link} href={draftAddress(model, file)} download={`${model}-${file}.draft`}>
          {t.download[file]}
        </a>
        {children}
        {mayAct(file === "root" ? "putRoot" : "putTargets") && <Upload model={model} file={file} />}
      </Group>
    </section>
  );
}

/** Takes a signed file in; the server verifies it and refuses what does not hold. */
function Upload({ model, file }: { model: string; file: SignedFile }) {
  const t = text().keys;
  const client = useQueryClient();
  const sending = useMutation({
    mutationFn: async (chosen: File) => {
      const signed: unknown = JSON.parse(await chosen.text());
      await putSigned(model, file, signed as Record<string, never>);
    },
    onSettled: () =>
      Promise.all([keys.model(model), keys.models, keys.audit].map((queryKey) => client.invalidateQueries({ queryKey }))),
  });
  return (
    <>
      <FileButton
        accept="application/json,.json,.signed"
        onChange={(chosen) => {
          if (chosen !== null) sending.mutate(chosen);
        }}
      >
        {(props) => (
          <Button {...props} size="xs" variant="light" loading={sending.isPending}>
            {t.upload[file]}
          </Button>
        )}
      </FileButton>
      <span role="status" className={page.quiet}>
        {sending.isSuccess && t.taken}
      </span>
      {sending.error !== null && (
        <Refused error={sending.error instanceof SyntaxError ? new Error(t.noJson) : sending.error} title={t.refused} />
      )}
    </>
  );
}
