import { Modal, NativeSelect, Stack, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { putEvidence } from "../../api/evidence";
import type { Release, ReleaseEvidence, TypeApproval } from "../../api/model";
import { keys } from "../../api/queries";
import { FormEnd } from "../../components/FormEnd";
import { text } from "../../i18n";

const APPROVALS: readonly TypeApproval[] = ["not_affected", "pending", "granted"];

interface EvidenceFormProps {
  release: Release;
  /** What was stated before, to be stated anew. */
  known: ReleaseEvidence | undefined;
  close: () => void;
}

/** An approver states what an auditor will ask of a release. */
export function EvidenceForm({ release, known, close }: EvidenceFormProps) {
  const t = text().evidence;
  const client = useQueryClient();
  const [texts, setTexts] = useState({
    purpose: known?.purpose ?? "",
    affected: known?.affected ?? "",
    verification: known?.verification ?? "",
  });
  const [approval, setApproval] = useState<TypeApproval>(known?.type_approval ?? "not_affected");
  const [reference, setReference] = useState(known?.type_approval_reference ?? "");
  const stating = useMutation({
    mutationFn: () =>
      putEvidence(release.id, {
        purpose: texts.purpose.trim(),
        affected: texts.affected.trim(),
        verification: texts.verification.trim(),
        type_approval: approval,
        ...(reference.trim() === "" ? {} : { type_approval_reference: reference.trim() }),
      }),
    onSuccess: close,
    onSettled: () =>
      Promise.all([
        client.invalidateQueries({ queryKey: keys.evidence(release.id) }),
        client.invalidateQueries({ queryKey: keys.audit }),
      ]),
  });
  const ready =
    Object.values(texts).every((words) => words.trim() !== "") && (approval !== "granted" || reference.trim() !== "");
  const field = (name: keyof typeof texts, label: string, hint: string) => (
    <Textarea
      label={label}
      description={hint}
      value={texts[name]}
      maxLength={8192}
      rows={3}
      data-autofocus={name === "purpose" ? true : undefined}
      onChange={(event) => {
        setTexts({ ...texts, [name]: event.currentTarget.value });
      }}
    />
  );
  return (
    <Modal
      opened
      onClose={close}
      title={t.formTitle(`${release.name} ${release.version}`)}
      centered
      size="lg"
      closeButtonProps={{ "aria-label": text().common.close }}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (ready) stating.mutate();
        }}
      >
        <Stack gap="md">
          {field("purpose", t.purpose, t.purposeHint)}
          {field("affected", t.affected, t.affectedHint)}
          <NativeSelect
            label={t.approval}
            value={approval}
            data={APPROVALS.map((one) => ({ value: one, label: t.approvals[one] }))}
            onChange={(event) => {
              setApproval(APPROVALS.find((one) => one === event.currentTarget.value) ?? "not_affected");
            }}
          />
          {approval !== "not_affected" && (
            <TextInput
              label={t.reference}
              description={t.referenceHint}
              value={reference}
              maxLength={200}
              onChange={(event) => {
                setReference(event.currentTarget.value);
              }}
            />
          )}
          {field("verification", t.verification, t.verificationHint)}
          <FormEnd
            error={stating.error}
            label={t.save}
            ready={ready}
            busy={stating.isPending}
            close={close}
          />
        </Stack>
      </form>
    </Modal>
  );
}
