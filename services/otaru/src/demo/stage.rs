//! The demo's stage: three models, releases of real firmware, a fleet with credentials, a campaign in three waves, and
//! another one beside it whose release does not work. Every start adds releases and campaigns of its own, so a second
//! start has something to show.

use std::path::PathBuf;

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::api::Api;
use super::firmware::{self, Firmware, Shelf};

/// The demo's models: id and name.
const MODELS: [(&str, &str); 3] =
    [("canal-2024", "Canal 2024"), ("harbour-2025", "Harbour 2025"), ("lantern-2026", "Lantern 2026")];
const REGIONS: [&str; 4] = ["EU", "UK", "US", "JP"];
/// How many vehicles one import call carries.
const IMPORT_LINES: usize = 1_000;
/// How long the campaign may take before what is left times out.
const DEADLINE: TimeDelta = TimeDelta::minutes(30);
/// The halted one stays to be looked at.
const FAULTY_DEADLINE: TimeDelta = TimeDelta::days(7);
const GOOD: &str = "Demo firmware";
const FAULTY: &str = "Demo head unit";

/// A vehicle that the simulator is to play.
#[derive(Debug, Clone)]
pub struct StageVehicle {
    pub vin: String,
    pub model: String,
    pub token: String,
}

/// What was set up.
#[derive(Debug)]
pub struct Stage {
    pub campaign: i64,
    /// The one that will halt.
    pub faulty_campaign: i64,
    /// The ECU that the faulty release is for, and its version.
    pub faulty: (String, String),
    pub vehicles: Vec<StageVehicle>,
    /// The root of each model, as a vehicle gets it with its credentials.
    pub roots: Vec<(String, Value)>,
    /// Hardware ids with the version each has before the campaign.
    pub installed: Vec<(String, String)>,
}

/// Sets everything up through the REST API and starts the campaigns.
pub async fn set(api: &Api, fleet: usize, now: DateTime<Utc>) -> anyhow::Result<Stage> {
    let shelf = firmware::find()?;
    let hardware: Vec<_> = shelf.all().map(|f| json!({"hardware_id": f.hardware_id, "name": f.name})).collect();
    for (id, name) in MODELS {
        if api.find(&format!("/models/{id}")).await?.is_none() {
            api.post("/models", &json!({"id": id, "name": name, "hardware": hardware})).await?;
        }
    }
    let run = next_run(api).await?;
    let before = format!("1.{}.0", run - 1);
    let after = format!("1.{run}.0");
    // Each run brings the other images than the one before.
    let images = |part: &'_ Firmware| if run % 2 == 1 { part.after.clone() } else { part.before.clone() };
    if run == 1 {
        release(api, GOOD, &before, &shelf.good, |part| part.before.clone()).await?;
    }
    let new = release(api, GOOD, &after, &shelf.good, images).await?;
    let not_working = release(api, FAULTY, &after, [&shelf.faulty], images).await?;
    let vehicles = import(api, fleet, run, &shelf, &before).await?;
    let target = format!("attributes[\"demo\"] == \"run-{run}\" && model_year >= 2024");
    let campaign = start(
        api,
        &json!({
            "name": format!("Demo {after}"),
            "release": new,
            "target": target,
            "waves": [
                {"share_ratio": 0.05, "gate_installed_ratio": 0.7},
                {"share_ratio": 0.25, "gate_installed_ratio": 0.8},
                {"share_ratio": 0.70, "gate_installed_ratio": 0.0},
            ],
            "deadline": now + DEADLINE,
        }),
    )
    .await?;
    let faulty_campaign = start(
        api,
        &json!({
            "name": format!("{FAULTY} {after}"),
            "release": not_working,
            "target": target,
            "ramp": {"first_ratio": 0.2, "factor": 3.0, "gate_installed_ratio": 0.9},
            "policy": {
                "max_in_flight": 10,
                "halt": {"sequential": {"acceptable_ratio": 0.02, "intolerable_ratio": 0.1}},
            },
            "priority": -1,
            "deadline": now + FAULTY_DEADLINE,
        }),
    )
    .await?;
    let installed = shelf.all().map(|f| (f.hardware_id.to_owned(), before.clone())).collect();
    let mut roots = Vec::new();
    for (model, _) in MODELS {
        roots.push((model.to_owned(), api.get(&format!("/models/{model}/root")).await?));
    }
    let faulty = (shelf.faulty.hardware_id.to_owned(), after);
    Ok(Stage { campaign, faulty_campaign, faulty, vehicles, roots, installed })
}

async fn start(api: &Api, campaign: &Value) -> anyhow::Result<i64> {
    let id = number(&api.post("/campaigns", campaign).await?, "id")?;
    api.post(&format!("/campaigns/{id}/start"), &json!({})).await?;
    Ok(id)
}

/// One more than the demo releases there are after the first.
async fn next_run(api: &Api) -> anyhow::Result<i64> {
    let releases = api.get("/releases?limit=1000").await?;
    let items = releases["items"].as_array().context("/releases gave no items")?;
    let demos = items.iter().filter(|release| release["name"] == GOOD).count();
    Ok(i64::try_from(demos)?.max(1))
}

async fn release<'a>(
    api: &Api,
    name: &str,
    version: &str,
    parts: impl IntoIterator<Item = &'a Firmware>,
    image: impl Fn(&Firmware) -> PathBuf,
) -> anyhow::Result<i64> {
    let mut images = Vec::new();
    for part in parts {
        let path = image(part);
        let file_name = path.file_name().and_then(|name| name.to_str()).context("an image without a name")?;
        let call = format!("/artifacts?file_name={file_name}");
        let artifact = api.upload(&call, "application/octet-stream", firmware::read(&path)?).await?;
        images.push(json!({"hardware_id": part.hardware_id, "sha256": artifact["sha256"], "version": version}));
    }
    let models: Vec<_> = MODELS.iter().map(|(id, _)| *id).collect();
    let release = json!({"name": name, "version": version, "models": models, "images": images});
    let id = number(&api.post("/releases", &release).await?, "id")?;
    api.post(&format!("/releases/{id}/lock"), &json!({})).await?;
    Ok(id)
}

async fn import(api: &Api, fleet: usize, run: i64, shelf: &Shelf, version: &str) -> anyhow::Result<Vec<StageVehicle>> {
    let ecus: Vec<_> = shelf.all().map(|f| json!({"hardware_id": f.hardware_id, "version": version})).collect();
    let mut vehicles = Vec::with_capacity(fleet);
    for first in (0..fleet).step_by(IMPORT_LINES) {
        let lines: Vec<Value> = (first..fleet.min(first + IMPORT_LINES))
            .map(|n| {
                json!({
                    "vin": vin(n), "model": MODELS[n % MODELS.len()].0, "model_year": 2024 + n % MODELS.len(),
                    "region": REGIONS[n % REGIONS.len()], "tags": if n % 50 == 0 { vec!["beta"] } else { vec![] },
                    "attributes": {"demo": format!("run-{run}")}, "ecus": ecus,
                })
            })
            .collect();
        let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let report = api.upload("/vehicles/import?credentials=true", "application/x-ndjson", body).await?;
        for (line, sent) in report["lines"].as_array().context("the import gave no lines")?.iter().zip(&lines) {
            let token = line["token"]
                .as_str()
                .with_context(|| format!("vehicle {} was refused: {}", sent["vin"], line["detail"]))?;
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            vehicles.push(StageVehicle {
                vin: text(&sent["vin"]),
                model: text(&sent["model"]),
                token: token.to_owned(),
            });
        }
    }
    Ok(vehicles)
}

/// The demo's n-th VIN: a made-up manufacturer, and the number at the end.
fn vin(n: usize) -> String {
    format!("XZZDEMZ00{n:08}").replace('O', "0")
}

fn number(answer: &Value, field: &str) -> anyhow::Result<i64> {
    answer[field].as_i64().with_context(|| format!("the answer has no number {field}: {answer}"))
}
