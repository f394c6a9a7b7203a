/** The calls for the worst day: everything stops, a release is never offered again. */

import { answer, client } from "./call";
import type { EmergencyStop, Recalled } from "./model";

export function getEmergencyStop(signal: AbortSignal): Promise<EmergencyStop> {
  return answer(client.GET("/api/v1/emergency-stop", { signal }));
}

export function stopEverything(reason: string): Promise<EmergencyStop> {
  return answer(client.PUT("/api/v1/emergency-stop", { body: { reason } }));
}

export function liftEmergencyStop(reason: string): Promise<EmergencyStop> {
  return answer(client.DELETE("/api/v1/emergency-stop", reason === "" ? {} : { body: { reason } }));
}

export function recallRelease(id: number, reason: string): Promise<Recalled> {
  return answer(client.POST("/api/v1/releases/{id}/recall", { params: { path: { id } }, body: { reason } }));
}
