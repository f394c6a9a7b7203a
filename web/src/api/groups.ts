/** The calls for saved groups of vehicles. */

import { answer, client, defined, type Paging } from "./call";
import type { Group, GroupChange, GroupVehiclesChange, GroupVehiclesChanged, NewGroup, Page } from "./model";

export function listGroups(paging: Paging, signal: AbortSignal): Promise<Page<Group>> {
  return answer(client.GET("/api/v1/groups", { params: { query: defined(paging) }, signal }));
}

export function getGroup(group: string, signal: AbortSignal): Promise<Group> {
  return answer(client.GET("/api/v1/groups/{group}", { params: { path: { group } }, signal }));
}

export function createGroup(body: NewGroup): Promise<Group> {
  return answer(client.POST("/api/v1/groups", { body }));
}

export function changeGroup(group: string, body: GroupChange): Promise<Group> {
  return answer(client.PATCH("/api/v1/groups/{group}", { params: { path: { group } }, body }));
}

export async function deleteGroup(group: string): Promise<void> {
  await answer<unknown>(client.DELETE("/api/v1/groups/{group}", { params: { path: { group } } }));
}

/** The VINs on a group's list. */
export function listGroupVehicles(group: string, paging: Paging, signal: AbortSignal): Promise<Page<string>> {
  const params = { path: { group }, query: defined(paging) };
  return answer(client.GET("/api/v1/groups/{group}/vehicles", { params, signal }));
}

/** Changes who is on a group's list: all of it or nothing. */
export function changeGroupVehicles(group: string, body: GroupVehiclesChange): Promise<GroupVehiclesChanged> {
  return answer(client.POST("/api/v1/groups/{group}/vehicles", { params: { path: { group } }, body }));
}
