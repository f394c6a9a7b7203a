/** What the story needs before it begins: models, vehicles that run something, and a simulated fleet that answers. */

import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

function needed(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === "") throw new Error(`${name} is not set: run ops/lib/test-web.sh`);
  return value;
}

export const server = {
  url: needed("OTARU_URL"),
  gateway: needed("OTARU_GATEWAY"),
  token: needed("OTARU_TOKEN"),
  /** The process to end when the story asks what happens without a server. */
  pid: Number(needed("OTARU_PID")),
  binary: needed("OTARU_BINARY"),
};

const MODELS = [
  ["harbour-2025", "Harbour 2025"],
  ["canal-2024", "Canal 2024"],
] as const;
const REGIONS = ["EU", "UK", "US"] as const;
/** So many vehicles of each model and region; half of them run an older version. */
const EACH = 24;

type Json = Record<string, unknown>;

interface Call {
  type?: string;
  token?: string;
}

/** A call over REST, by the admin unless somebody else's token is given. */
export async function api(method: string, path: string, body?: unknown, call: Call = {}): Promise<Json> {
  const { type = "application/json", token = server.token } = call;
  const payload = typeof body === "string" ? body : JSON.stringify(body);
  const response = await fetch(`${server.url}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { "content-type": type }) },
    ...(body === undefined ? {} : { body: payload }),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as Json;
}

export interface Vehicle {
  vin: string;
  model: string;
  token: string;
}

export interface Stage {
  vehicles: Vehicle[];
  stop: () => void;
}

/** Sets it all up through the APIs that everybody uses. */
export async function setStage(): Promise<Stage> {
  const hardware = [
    { hardware_id: "BCM", name: "Body control module" },
    { hardware_id: "TCU", name: "Telematics unit" },
  ];
  for (const [id, name] of MODELS) await api("POST", "/models", { id, name, hardware });
  const lines = MODELS.flatMap(([model], at) =>
    REGIONS.flatMap((region, part) =>
      Array.from({ length: EACH }, (_, number) => ({
        vin: `XZZDEMZ${at}${part}${String(number).padStart(8, "0")}`,
        model,
        model_year: 2024 + at,
        region,
        tags: number % 8 === 0 ? ["beta"] : [],
        ecus: versions(number),
      })),
    ),
  );
  const body = lines.map((line) => JSON.stringify(line)).join("\n");
  const report = await api("POST", "/vehicles/import?credentials=true", body, { type: "application/x-ndjson" });
  const issued = report.lines as { token: string }[];
  const vehicles = lines.map(({ vin, model }, index) => ({ vin, model, token: issued[index]?.token ?? "" }));
  const roots = new Map<string, Json>();
  for (const [id] of MODELS) roots.set(id, await api("GET", `/models/${id}/root`));
  const credentials = lines.map(({ vin, model, ecus }, index) => {
    const known = Object.fromEntries(ecus.map((ecu) => [ecu.hardware_id, ecu.version]));
    return JSON.stringify({ vin, model, token: vehicles[index]?.token, root: roots.get(model), ecus: known });
  });
  const fleet = startFleet(credentials.join("\n"));
  return { vehicles, stop: fleet };
}

function versions(number: number) {
  return [
    { hardware_id: "BCM", version: number % 2 === 0 ? "1.0.0" : "1.1.0" },
    { hardware_id: "TCU", version: "4.2" },
  ];
}

/** Quick vehicles, of which more fail than anybody would like. */
function startFleet(credentials: string): () => void {
  const folder = mkdtempSync(join(tmpdir(), "otaru-fleet-"));
  const file = join(folder, "credentials.ndjson");
  writeFileSync(file, credentials);
  const behaviour = { "step-delay-secs": "0.5", "offline-ratio": "0", "failure-ratio": "0.2", "stream-ratio": "1" };
  const flags = Object.entries(behaviour).flatMap(([name, value]) => [`--${name}`, value]);
  const child: ChildProcess = spawn(
    server.binary,
    ["fleet", "--gateway", server.gateway, "--credentials", file, ...flags],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  return () => {
    child.kill();
    rmSync(folder, { recursive: true, force: true });
  };
}

/** A report that no assignment fits: it becomes a dead letter. */
export async function sendStray(vehicle: Vehicle, campaign: number): Promise<void> {
  const report = { schema_version: 1, campaign, attempt: 1, sequence: 90, state: "downloading", progress_percent: 40 };
  const response = await fetch(`${server.gateway}/vehicle/v1/${vehicle.vin}/acks`, {
    method: "POST",
    headers: { authorization: `Bearer ${vehicle.token}`, "content-type": "application/json" },
    body: JSON.stringify(report),
  });
  if (response.status !== 202) throw new Error(`the stray report was answered ${response.status}`);
}
