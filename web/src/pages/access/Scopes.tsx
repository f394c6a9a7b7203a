import { Checkbox, Group, Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { modelsQuery } from "../../api/queries";
import { text } from "../../i18n";
import classes from "./NewToken.module.css";
import { CALL_KINDS } from "./scopes";

interface ScopesProps {
  models: readonly string[];
  calls: readonly string[];
  chooseModels: (models: readonly string[]) => void;
  chooseCalls: (calls: readonly string[]) => void;
}

/** The limits of a token that is for a program; people seldom need them, so they are folded away. */
export function Scopes({ models, calls, chooseModels, chooseCalls }: ScopesProps) {
  const t = text().access;
  const { data: known = [] } = useQuery(modelsQuery);
  return (
    <details className={classes.limits}>
      <summary>
        {t.limits} <small>{t.limitsHint}</small>
      </summary>
      <Stack gap="md" mt="xs">
        {known.length > 0 && (
          <Checkbox.Group label={t.models} description={t.modelsHint} value={[...models]} onChange={chooseModels}>
            <Group gap="sm" mt="xs">
              {known.map((model) => (
                <Checkbox key={model.id} size="xs" radius="xs" value={model.id} label={model.name} />
              ))}
            </Group>
          </Checkbox.Group>
        )}
        <Checkbox.Group label={t.calls} description={t.callsHint} value={[...calls]} onChange={chooseCalls}>
          <Group gap="sm" mt="xs">
            {CALL_KINDS.map((kind) => (
              <Checkbox key={kind} size="xs" radius="xs" value={kind} label={kind} />
            ))}
          </Group>
        </Checkbox.Group>
      </Stack>
    </details>
  );
}
