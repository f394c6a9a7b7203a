import { ActionIcon, Button, NativeSelect, TextInput } from "@mantine/core";
import { faultAt } from "../../api/errors";
import { PlusIcon, TrashIcon } from "../../components/icons";
import { text } from "../../i18n";
import page from "../Page.module.css";
import type { DraftRequirement } from "./images";
import classes from "./NewRelease.module.css";

/** The most that the API takes for an image. */
const MOST = 32;

interface RequirementsProps {
  /** The ECU of the image. */
  hardware: string;
  /** The ECUs that it may ask something of. */
  ecus: readonly string[];
  requires: readonly DraftRequirement[];
  change: (requires: readonly DraftRequirement[]) => void;
  /** Why the release was refused, and the place of this image in what was sent. */
  error: unknown;
  at: number;
}

/** Which versions an image asks for before it is installed. */
export function Requirements({ hardware, ecus, requires, change, error, at }: RequirementsProps) {
  const t = text().releases;
  const set = (key: number, changed: Partial<DraftRequirement>) => {
    change(requires.map((one) => (one.key === key ? { ...one, ...changed } : one)));
  };
  return (
    <div className={classes.requirements} role="group" aria-label={t.requirements(hardware)}>
      {requires.length > 0 && (
        <p className={page.quiet}>
          {t.requires}. {t.requirementsHint}
        </p>
      )}
      {requires.map((one, index) => (
        <div key={one.key} className={classes.requirement}>
          <NativeSelect
            size="xs"
            aria-label={t.requiredEcu(index + 1, hardware)}
            data={[...ecus]}
            value={one.hardware_id}
            onChange={(event) => {
              set(one.key, { hardware_id: event.currentTarget.value });
            }}
          />
          <TextInput
            size="xs"
            aria-label={t.requiredVersions(index + 1, hardware)}
            placeholder=">=2.1, <3"
            value={one.versions}
            maxLength={600}
            spellCheck={false}
            error={faultAt(error, `/images/${at}/requires/${index}`)?.message}
            onChange={(event) => {
              set(one.key, { versions: event.currentTarget.value });
            }}
          />
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label={t.removeRequirement(index + 1, hardware)}
            onClick={() => {
              change(requires.filter((other) => other !== one));
            }}
          >
            <TrashIcon size={16} />
          </ActionIcon>
        </div>
      ))}
      {requires.length < MOST && (
        <Button
          size="compact-xs"
          variant="subtle"
          leftSection={<PlusIcon size={12} />}
          aria-label={t.addRequirement(hardware)}
          onClick={() => {
            const key = Math.max(-1, ...requires.map((one) => one.key)) + 1;
            change([...requires, { key, hardware_id: hardware, versions: "" }]);
          }}
        >
          {t.requires} …
        </Button>
      )}
    </div>
  );
}
