import { Button, Checkbox, Group, Stack, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { createRelease } from "../../api/client";
import { faultAt } from "../../api/errors";
import { keys, modelsQuery } from "../../api/queries";
import { may } from "../../api/session";
import { Refused } from "../../components/Confirm";
import { Failure } from "../../components/Failure";
import { Tick } from "../../components/fields";
import { LockIcon } from "../../components/icons";
import { Notice } from "../../components/Notice";
import { PageHeader } from "../../components/PageHeader";
import { Panel } from "../../components/Panel";
import { text } from "../../i18n";
import page from "../Page.module.css";
import { ImageField } from "./ImageField";
import { areComplete, filledImages, inOrder, moved, NO_IMAGE, sharedHardware, type DraftImage } from "./images";
import classes from "./NewRelease.module.css";

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
  const { data: models = [], error: unknown, refetch } = useQuery(modelsQuery);
  const [name, setName] = useState("");
  const [version, setVersion] = useState("");
  const [notes, setNotes] = useState("");
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const [images, setImages] = useState<Readonly<Record<string, DraftImage>>>({});
  const [ordered, setOrdered] = useState(false);
  const [order, setOrder] = useState<readonly string[]>([]);
  const shared = sharedHardware(models.filter((model) => chosen.includes(model.id)));
  const hardware = ordered ? inOrder(shared, order) : shared;
  const filled = filledImages(hardware, images, version);
  const creating = useMutation({
    mutationFn: () => createRelease({ name: name.trim(), version: version.trim(), notes, models: [...chosen], images: filled, installation: ordered ? "ordered" : "atomic" }),
    onSuccess: async (release) => {
      await client.invalidateQueries({ queryKey: keys.releases });
      await navigate({ to: "/releases/$id", params: { id: release.id } });
    },
  });
  const atField = filled.some((_, at) => faultAt(creating.error, `/images/${at}/version`, `/images/${at}/requires`));
  const ready = name.trim() !== "" && version.trim() !== "" && filled.length > 0 && areComplete(filled);
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
          {unknown !== null && <Failure error={unknown} retry={() => void refetch()} />}
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
                image={images[id] ?? NO_IMAGE}
                ecus={hardware}
                error={creating.error}
                at={filled.findIndex((one) => one.hardware_id === id)}
                move={
                  ordered
                    ? (by) => {
                        setOrder(moved(hardware, id, by));
                      }
                    : undefined
                }
                change={(image) => {
                  setImages((known) => ({ ...known, [id]: image }));
                  creating.reset();
                }}
              />
            ))}
            {hardware.length > 1 && (
              <Tick label={text().releaseGraph.ordered} hint={text().releaseGraph.orderedHint} checked={ordered} change={setOrdered} />
            )}
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
          <Refused error={atField ? null : creating.error} title={t.refused} />
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
