import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { changeGroup } from "../../api/groups";
import type { Group, GroupChange } from "../../api/model";
import { keys } from "../../api/queries";
import { text } from "../../i18n";
import { changeOf } from "./form";
import { GroupForm } from "./GroupForm";

/** Another name, and another expression where it has one. */
export function ChangeGroup({ group, close }: { group: Group; close: () => void }) {
  const t = text().groups;
  const client = useQueryClient();
  const [name, setName] = useState(group.name);
  const [expression, setExpression] = useState(group.expression ?? "");
  const changing = useMutation({
    mutationFn: (change: GroupChange) => changeGroup(group.id, change),
    onSuccess: close,
    onSettled: () =>
      Promise.all([keys.group(group.id), keys.groups].map((queryKey) => client.invalidateQueries({ queryKey }))),
  });
  const change = changeOf(group, { name, expression });
  return (
    <GroupForm
      title={t.changeTitle(group.name)}
      label={t.save}
      name={name}
      changeName={(next) => {
        setName(next);
        changing.reset();
      }}
      expression={group.expression == null ? undefined : expression}
      changeExpression={(next) => {
        setExpression(next);
        changing.reset();
      }}
      ready={change !== undefined}
      busy={changing.isPending}
      error={changing.error}
      submit={() => {
        if (change) changing.mutate(change);
      }}
      close={close}
    />
  );
}
