//! The contracts in `schemas/` are what the code writes and reads: generated files are compared, examples are checked
//! against them and read back, and old and new readers and writers are held against each other.
//!
//! `OTARU_UPDATE_SCHEMAS=1 cargo test -p otaru --test contracts` writes the generated files anew.

use std::fs;
use std::path::{Path, PathBuf};

use otaru_domain::ack::{Ack, AckKey, AckReport, SignaturePolicy, judge, parse_key};
use otaru_domain::document::CampaignDocument;
use otaru_domain::event::Event;
use otaru_domain::inventory::{self, Inventory, InventoryReport};
use otaru_domain::mqtt::{self, ManifestNotice, VehicleNotice};
use otaru_domain::token::Revocation;
use otaru_domain::topic;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn schemas() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas")
}

/// Compares a generated file with the one that is checked in.
fn holds(path: &str, generated: &impl Serialize) {
    let file = schemas().join(path);
    let text = serde_json::to_string_pretty(generated).unwrap() + "\n";
    if std::env::var_os("OTARU_UPDATE_SCHEMAS").is_some() {
        fs::write(&file, &text).unwrap();
    }
    let checked_in = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        checked_in == text,
        "{path} is not what the code says: OTARU_UPDATE_SCHEMAS=1 cargo test -p otaru --test contracts"
    );
}

fn example(name: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(schemas().join("examples").join(name)).unwrap()).unwrap()
}

/// The schema is the generated one, the example satisfies it, and reading and writing the example loses nothing.
fn message<T: JsonSchema + Serialize + DeserializeOwned>(name: &str) {
    let schema = schemars::schema_for!(T);
    holds(&format!("events/{name}.schema.json"), &schema);
    let validator = jsonschema::validator_for(schema.as_value()).unwrap();
    let example = example(&format!("{name}.json"));
    let errors: Vec<_> = validator.iter_errors(&example).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "examples/{name}.json: {errors:?}");
    let read: T = serde_json::from_value(example.clone()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), example, "reading and writing examples/{name}.json changed it");

    // A message of a later version, with what today's reader does not know.
    let mut later = example.clone();
    later["schema_version"] = json!(2);
    later["added_later"] = json!({"anything": [1, 2, 3]});
    assert!(validator.is_valid(&later), "{name}: today's schema refuses tomorrow's message");
    let read: T = serde_json::from_value(later).unwrap();
    let mut known = serde_json::to_value(&read).unwrap();
    known["schema_version"] = example["schema_version"].clone();
    assert_eq!(known, example, "{name}: today's reader understands tomorrow's message otherwise");

    // The smallest message an old writer may have written: only what the schema requires.
    let required = schema.as_value()["required"].as_array().cloned().unwrap_or_default();
    let mut oldest = example.clone();
    let optional = |key: &String| !required.iter().any(|name| name.as_str() == Some(key));
    let tag = schema.as_value().get("oneOf").is_some();
    if !tag {
        let names: Vec<String> = example.as_object().unwrap().keys().filter(|key| optional(key)).cloned().collect();
        for name in names {
            oldest.as_object_mut().unwrap().remove(&name);
        }
        serde_json::from_value::<T>(oldest.clone())
            .unwrap_or_else(|error| panic!("{name}: {oldest} cannot be read: {error}"));
    }
}

#[test]
fn the_messages_are_what_their_schemas_and_examples_say() {
    message::<AckReport>("ack-report");
    message::<Ack>("ack");
    message::<InventoryReport>("inventory-report");
    message::<Inventory>("inventory");
    message::<Event>("event");
    message::<CampaignDocument>("campaign-document");
    message::<Revocation>("revocation");
    message::<ManifestNotice>("mqtt-manifest-notice");
    message::<VehicleNotice>("mqtt-vehicle-notice");
}

/// Made with openssl from the schema's words alone, so any vehicle's maker can.
#[test]
fn the_examples_signature_is_the_vehicles() {
    let ack: Ack = serde_json::from_value(example("ack.json")).unwrap();
    let signature = ack.signature.clone().unwrap();
    let public = parse_key(&signature.key).unwrap();
    let key = AckKey { credential: ack.id, public, ends_at: ack.received_at + chrono::TimeDelta::days(1) };
    assert_eq!(judge(&ack, SignaturePolicy::Required, &[key]), Ok(Some(ack.id)));
    let report: AckReport = serde_json::from_value(example("ack-report.json")).unwrap();
    assert_eq!(report.signature, Some(signature));
    report.check().unwrap();

    let inventory: Inventory = serde_json::from_value(example("inventory.json")).unwrap();
    let signature = inventory.signature.clone().unwrap();
    let ends_at = inventory.received_at + chrono::TimeDelta::days(1);
    let key = AckKey { credential: inventory.id, public: parse_key(&signature.key).unwrap(), ends_at };
    assert_eq!(inventory::judge(&inventory, SignaturePolicy::Required, &[key]), Ok(Some(inventory.id)));
    let report: InventoryReport = serde_json::from_value(example("inventory-report.json")).unwrap();
    assert_eq!(report.signature, Some(signature));
    report.check().unwrap();
}

#[test]
fn the_openapi_documents_are_what_the_services_serve() {
    holds("openapi/campaign.json", &otaru_campaign::openapi());
    holds("openapi/gateway.json", &otaru_gateway::openapi());
}

fn asyncapi() -> Value {
    serde_yaml_ng::from_str(&fs::read_to_string(schemas().join("asyncapi.yaml")).unwrap()).unwrap()
}

/// All that a part of the document refers to.
fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[test]
fn asyncapi_names_every_topic_of_kafka_and_of_mqtt_and_no_other() {
    let document = asyncapi();
    let addresses = |server: &str| {
        let server = json!([{"$ref": format!("#/servers/{server}")}]);
        let channels =
            document["channels"].as_object().unwrap().values().filter(|channel| channel["servers"] == server);
        let mut addresses: Vec<_> = channels.map(|channel| channel["address"].as_str().unwrap()).collect();
        addresses.sort_unstable();
        addresses
    };
    let manifests = format!("{}{{model}}", topic::MANIFESTS_PREFIX);
    let mut topics =
        [topic::ACKS, topic::INVENTORIES, topic::DEAD_LETTERS, topic::EVENTS, topic::REVOCATIONS, manifests.as_str()];
    topics.sort_unstable();
    assert_eq!(addresses("kafka"), topics);
    let mut topics = [mqtt::MANIFEST, mqtt::NOTICE, mqtt::ACKS, mqtt::REFUSED];
    topics.sort_unstable();
    assert_eq!(addresses("mqtt"), topics);
    assert_eq!(document["channels"].as_object().unwrap().len(), 10, "each is of one of both");
    let acl = fs::read_to_string(schemas().join("../ops/mqtt/mosquitto.acl")).unwrap();
    for topic in topics {
        let of_all = topic.replace("{model}", "+").replace("{vin}", "+");
        let own = topic.replace("{model}", "+").replace("{vin}", "%u");
        let says = |topic: &str| acl.lines().any(|line| line.split(' ').next_back() == Some(topic));
        assert!(says(&of_all) && says(&own), "the ACL does not speak of {topic}");
    }
}

#[test]
fn what_asyncapi_refers_to_exists() {
    let document = asyncapi();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 30, "{found:?}");
    for reference in found {
        let (file, pointer) = reference.split_once('#').unwrap_or((reference.as_str(), ""));
        let target: Value = match file {
            "" => document.clone(),
            file => serde_json::from_str(&fs::read_to_string(schemas().join(file)).unwrap()).unwrap(),
        };
        assert!(target.pointer(pointer).is_some(), "{reference} is named and does not exist");
    }
}
