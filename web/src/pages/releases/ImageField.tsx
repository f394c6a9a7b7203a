import { ActionIcon, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { uploadArtifact } from "../../api/client";
import { asApiError, faultAt } from "../../api/errors";
import { DownIcon, UpIcon } from "../../components/icons";
import { formatBytes, formatPercent } from "../../format/number";
import { text } from "../../i18n";
import type { DraftImage } from "./images";
import classes from "./NewRelease.module.css";
import { Requirements } from "./Requirements";

interface ImageFieldProps {
  hardware: string;
  /** The version where none is typed. */
  fallback: string;
  image: DraftImage;
  change: (image: DraftImage) => void;
  /** The ECUs that it may ask something of. */
  ecus: readonly string[];
  /** Why the release was refused, and the place of this image in what was sent. */
  error: unknown;
  at: number;
  /** A place earlier or later, where the order counts. */
  move: ((by: -1 | 1) => void) | undefined;
}

/** The file for one ECU; it is uploaded at once, so that a fault shows here and not at the end. */
export function ImageField({ hardware, fallback, image, change, ecus, error, at, move }: ImageFieldProps) {
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
      <span className={classes.hardware}>
        {hardware}
        {move && (
          <span className={classes.moves}>
            <ActionIcon size="xs" variant="subtle" color="gray" aria-label={text().releaseGraph.earlier(hardware)} onClick={() => { move(-1); }}>
              <UpIcon size={14} />
            </ActionIcon>
            <ActionIcon size="xs" variant="subtle" color="gray" aria-label={text().releaseGraph.later(hardware)} onClick={() => { move(1); }}>
              <DownIcon size={14} />
            </ActionIcon>
          </span>
        )}
      </span>
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
        error={faultAt(error, `/images/${at}/version`)?.message}
        onChange={(event) => {
          change({ ...image, version: event.currentTarget.value });
        }}
      />
      <span className={classes.status} data-failed={uploading.isError} role="status">
        {status}
      </span>
      {image.artifact && (
        <Requirements
          hardware={hardware}
          ecus={ecus}
          requires={image.requires}
          change={(requires) => {
            change({ ...image, requires });
          }}
          error={error}
          at={at}
        />
      )}
    </div>
  );
}
