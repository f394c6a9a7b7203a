/** The images of a release while it is put together. */

import type { Artifact, Model, NewRelease } from "../../api/model";

export interface DraftRequirement {
  key: number;
  hardware_id: string;
  /** Bounds, such as `>=2.1, <3`. */
  versions: string;
}

export interface DraftImage {
  artifact: Artifact | undefined;
  /** Typed; empty means the release's own. */
  version: string;
  requires: readonly DraftRequirement[];
}

export const NO_IMAGE: DraftImage = { artifact: undefined, version: "", requires: [] };

/** What every one of the models has: a release's images go onto all of them. */
export function sharedHardware(models: readonly Model[]): string[] {
  const [first, ...rest] = models;
  const ids = first?.hardware.map((one) => one.hardware_id) ?? [];
  return ids.filter((id) => rest.every((model) => model.hardware.some((one) => one.hardware_id === id)));
}

/** Those that have a file, in the order of `hardware`: the server's pointers count them so. */
export function filledImages(
  hardware: readonly string[],
  images: Readonly<Record<string, DraftImage>>,
  version: string,
): NewRelease["images"] {
  return hardware.flatMap((id) => {
    const image = images[id];
    if (image?.artifact === undefined) return [];
    const requires = image.requires.map((one) => ({ hardware_id: one.hardware_id, versions: one.versions.trim() }));
    const filled = { hardware_id: id, sha256: image.artifact.sha256, version: image.version || version };
    return [requires.length === 0 ? filled : { ...filled, requires }];
  });
}

/** The ECUs as they were put in order; those that nobody moved come in their own order behind. */
export function inOrder(hardware: readonly string[], order: readonly string[]): string[] {
  return [...order.filter((id) => hardware.includes(id)), ...hardware.filter((id) => !order.includes(id))];
}

/** With one of them a place earlier or later. */
export function moved(hardware: readonly string[], id: string, by: -1 | 1): string[] {
  const at = hardware.indexOf(id);
  const other = hardware[at + by];
  if (at === -1 || other === undefined) return [...hardware];
  return hardware.map((one) => (one === id ? other : one === other ? id : one));
}

/** Whether every requirement that was begun says which versions will do. */
export function areComplete(images: NewRelease["images"]): boolean {
  return images.every((image) => image.requires?.every((one) => one.versions !== "") ?? true);
}
