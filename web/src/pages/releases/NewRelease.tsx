import { Button, Checkbox, Group, Stack, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { createRelease, uploadArtifact } from "../../api/client";
import { asApiError } from "../../api/errors";
import type { Artifact, Model } from "../../api/model";
import { keys, modelsQuery } from "../../api/queries";
import { may } from "../../api/session";
import { Refused } from "../../components/Confirm";
import { LockIcon } from "../../components/icons";
import { Notice } from "../../components/Notice";
import { PageHeader } from "../../components/PageHeader";
import { Panel } from "../../components/Panel";
import { formatBytes, formatPercent } from "../../format/number";
import { text } from "../../i18n";
import page from "../Page.module.css";
import classes from "./NewRelease.module.css";

interface Image {
  artifact: Artifact | undefined;
  /** Typed; empty means the release's own. */
  version: string;
}

/** A release is put together: models, a file per ECU, and its name. It is a draft until it is locked. */
export function NewRelease() {
  const t = text().releases;
  if (!may("engineer")) {
    return (
      <Notice page icon={<LockIcon size={26} />} title={t.create}>
        {text().common.forbidden}
      </Notice>
    );
  }
  return (
    <div className={page.page}>
      <PageHeader title={t.create} lead={t.formLead} back={{ to: "/releases", label: t.title }} />
      <Form />
    </div>
  );
}

function Form() {
  const t = text().releases;
  const client = useQueryClient();
  const navigate = useNavigate();
  const { data: models = [] } = useQuery(modelsQuery);
  const [name, setName] = useState("");
  const [version, setVersion] = useState("");
  const [notes, setNotes] = useState("");
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const [images, setImages] = useState<Readonly<Record<string, Image>>>({});
  const hardware = sharedHardware(models.filter((model) => chosen.includes(model.id)));
  const filled = hardware.flatMap((id) => {
    const image = images[id];
    return image?.artifact ? [{ hardware_id: id, sha256: image.artifact.sha256, version: image.version || version }] : [];
  });
  const creating = useMutation({
    mutationFn: () => createRelease({ name: name.trim(), version: version.trim(), notes, models: [...chosen], images: filled }),
    onSuccess: async (release) => {
      await client.invalidateQueries({ queryKey: keys.releases });
      await navigate({ to: "/releases/$id", params: { id: release.id } });
    },
  });
  const ready = name.trim() !== "" && version.trim() !== "" && filled.length > 0;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (ready) creating.mutate();
      }}
    >
      <Panel title={t.name}>
        <Stack gap="md">
          <div className={classes.names}>
            <TextInput label={t.formName} value={name} maxLength={200} onChange={(event) => { setName(event.currentTarget.value); }} />
            <TextInput
              label={t.formVersion}
              value={version}
              maxLength={64}
              onChange={(event) => {
                setVersion(event.currentTarget.value);
              }}
            />
          </div>
          <Checkbox.Group label={t.formModels} value={[...chosen]} onChange={setChosen}>
            <Group gap="lg" mt="xs">
              {models
                .filter((model) => model.state !== "retired")
                .map((model) => (
                  <Checkbox key={model.id} value={model.id} label={model.name} />
                ))}
            </Group>
          </Checkbox.Group>
          <fieldset className={classes.images}>
            <legend>{t.formImages}</legend>
            <p className={page.quiet}>{hardware.length === 0 ? t.noSharedHardware : t.formImagesHint}</p>
            {hardware.map((id) => (
              <ImageField
                key={id}
                hardware={id}
                fallback={version}
                image={images[id] ?? { artifact: undefined, version: "" }}
                change={(image) => {
                  setImages((known) => ({ ...known, [id]: image }));
                }}
              />
            ))}
          </fieldset>
          <Textarea
            label={`${t.formNotes} (${text().common.optional})`}
            value={notes}
            maxLength={65_536}
            rows={3}
            onChange={(event) => {
              setNotes(event.currentTarget.value);
            }}
          />
          <Refused error={creating.error} title={t.refused} />
          <Group justify="flex-end">
            <Button type="submit" disabled={!ready} loading={creating.isPending}>
              {t.submit}
            </Button>
          </Group>
        </Stack>
      </Panel>
    </form>
  );
}

/** What every one of the models has: a release's images go onto all of them. */
function sharedHardware(models: readonly Model[]): string[] {
  const [first, ...rest] = models;
  const ids = first?.hardware.map((one) => one.hardware_id) ?? [];
  return ids.filter((id) => rest.every((model) => model.hardware.some((one) => one.hardware_id === id)));
}

interface ImageFieldProps {
  hardware: string;
  /** The version where none is typed. */
  fallback: string;
  image: Image;
  change: (image: Image) => void;
}

/** The file for one ECU; it is uploaded at once, so that a fault shows here and not at the end. */
function ImageField({ hardware, fallback, image, change }: ImageFieldProps) {
  const t = text().releases;
  const [ratio, setRatio] = useState(0);
  const uploading = useMutation({
    mutationFn: (file: File) => uploadArtifact(file, setRatio),
    onSuccess: (artifact) => {
      change({ ...image, artifact });
    },
  });
  const status = uploading.isPending
    ? t.uploading(formatPercent(ratio))
    : uploading.error
      ? asApiError(uploading.error).message
      : image.artifact
        ? t.uploaded(formatBytes(image.artifact.length_bytes))
        : "";
  return (
    <div className={classes.image}>
      <span className={classes.hardware}>{hardware}</span>
      <input
        type="file"
        className={classes.file}
        aria-label={t.chooseFile(hardware)}
        onChange={(event) => {
          const file = event.currentTarget.files?.[0];
          if (!file) return;
          setRatio(0);
          uploading.mutate(file);
        }}
      />
      <TextInput
        size="xs"
        aria-label={t.imageVersion(hardware)}
        placeholder={fallback === "" ? t.version : fallback}
        value={image.version}
        maxLength={64}
        onChange={(event) => {
          change({ ...image, version: event.currentTarget.value });
        }}
      />
      <span className={classes.status} data-failed={uploading.isError} role="status">
        {status}
      </span>
    </div>
  );
}
