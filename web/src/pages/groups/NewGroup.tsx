import { NativeSelect, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { faultAt } from "../../api/errors";
import { createGroup } from "../../api/groups";
import type { NewGroup as NewGroupModel } from "../../api/model";
import { keys } from "../../api/queries";
import { text } from "../../i18n";
import { idFrom, newGroupOf, type GroupDraft, type Kind } from "./form";
import { GroupForm } from "./GroupForm";

const KINDS: readonly Kind[] = ["list", "dynamic"];

/** A new group: a list to be filled, or an expression. */
export function NewGroup({ close }: { close: () => void }) {
  const t = text().groups;
  const client = useQueryClient();
  const navigate = useNavigate();
  const [draft, setDraft] = useState<GroupDraft>({ name: "", id: undefined, kind: "list", expression: "" });
  const creating = useMutation({
    mutationFn: (group: NewGroupModel) => createGroup(group),
    onSuccess: async (group) => {
      await client.invalidateQueries({ queryKey: keys.groups });
      await navigate({ to: "/groups/$group", params: { group: group.id } });
    },
  });
  const asked = newGroupOf(draft);
  const set = (change: Partial<GroupDraft>) => {
    setDraft({ ...draft, ...change });
    creating.reset();
  };
  return (
    <GroupForm
      title={t.create}
      label={text().common.create}
      refused={t.refused}
      name={draft.name}
      changeName={(name) => {
        set({ name });
      }}
      expression={draft.kind === "dynamic" ? draft.expression : undefined}
      changeExpression={(expression) => {
        set({ expression });
      }}
      ready={asked !== undefined}
      busy={creating.isPending}
      error={creating.error}
      submit={() => {
        if (asked) creating.mutate(asked);
      }}
      close={close}
    >
      <TextInput
        label={t.id}
        description={t.idHint}
        value={draft.id ?? idFrom(draft.name)}
        maxLength={64}
        spellCheck={false}
        error={faultAt(creating.error, "/id")?.message}
        onChange={(event) => {
          set({ id: event.currentTarget.value });
        }}
      />
      <NativeSelect
        label={t.kind}
        description={t.kindHints[draft.kind]}
        value={draft.kind}
        data={KINDS.map((kind) => ({ value: kind, label: t.kinds[kind] }))}
        onChange={(event) => {
          set({ kind: KINDS.find((kind) => kind === event.currentTarget.value) ?? "list" });
        }}
      />
    </GroupForm>
  );
}
