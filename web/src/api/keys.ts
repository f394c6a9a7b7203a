/** The calls about a model: its keys, which sign, the next ones, what people sign offline, and how fast its images go out. */

import { answer, client } from "./call";
import type { Model, OnlineRole, SigningKey } from "./model";

export function getModel(model: string, signal: AbortSignal): Promise<Model> {
  return answer(client.GET("/api/v1/models/{model}", { params: { path: { model } }, signal }));
}

/** Bytes per second over all gateways; null takes the cap off. */
export function setBandwidth(model: string, cap: number | null): Promise<Model> {
  const params = { path: { model } };
  return answer(client.PUT("/api/v1/models/{model}/bandwidth", { params, body: { max_bytes_per_sec: cap } }));
}

export async function listKeys(model: string, signal: AbortSignal): Promise<SigningKey[]> {
  return (await answer(client.GET("/api/v1/models/{model}/keys", { params: { path: { model } }, signal }))).items;
}

/** Makes the key that follows the role's present one; with a `reference`, one that is in a hardware module or the environment. */
export function rotateKey(model: string, role: OnlineRole, reference: string): Promise<SigningKey> {
  const body = reference === "" ? { role } : { role, reference };
  return answer(client.POST("/api/v1/models/{model}/keys", { params: { path: { model } }, body }));
}

/** Destroys a key for good. */
export async function revokeKey(model: string, key: string): Promise<void> {
  await answer<unknown>(client.DELETE("/api/v1/models/{model}/keys/{key}", { params: { path: { model, key } } }));
}

/** Says for whom the images of the model's next releases are encrypted. */
export async function setRecipients(model: string, recipients: string[]): Promise<void> {
  await answer<unknown>(client.PUT("/api/v1/models/{model}/encryption", { params: { path: { model } }, body: { recipients } }));
}

export type SignedFile = "root" | "targets";

/** Where the file is that people sign offline; the browser downloads it with the session's cookie. */
export function draftAddress(model: string, file: SignedFile): string {
  return `/api/v1/models/${encodeURIComponent(model)}/${file}/draft`;
}

export function rootAddress(model: string): string {
  return `/api/v1/models/${encodeURIComponent(model)}/root`;
}

/** Takes in what was signed, byte for byte as it is. */
export async function putSigned(model: string, file: SignedFile, signed: Record<string, never>): Promise<void> {
  const params = { path: { model } };
  if (file === "root") await answer<unknown>(client.PUT("/api/v1/models/{model}/root", { params, body: signed }));
  else await answer<unknown>(client.PUT("/api/v1/models/{model}/targets", { params, body: signed }));
}
