//! A page to be printed: headings, facts and tables, with its style inside and nothing from outside. Everything that is
//! put in is escaped here.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{DossierAnchor, DossierEcu, DossierVehicle};
use crate::api::audit::AuditEntry;

const STYLE: &str = "body{font:10pt/1.4 system-ui,sans-serif;color:#111;background:#fff;margin:2em auto;max-width:60em}\
h1{font-size:16pt;margin:0 0 .2em}h2{font-size:12pt;margin:1.6em 0 .4em;break-after:avoid}\
table{border-collapse:collapse;width:100%}th,td{border:1px solid #999;padding:.25em .5em;text-align:left;\
vertical-align:top;overflow-wrap:anywhere}th{background:#eee;font-weight:600}tr{break-inside:avoid}\
thead{display:table-header-group}dl{display:grid;grid-template-columns:14em 1fr;gap:.2em 1em;margin:0}\
dt{font-weight:600}dd{margin:0;overflow-wrap:anywhere}.none{color:#666}@page{margin:15mm}";

pub(super) struct Page {
    html: String,
}

impl Page {
    pub fn new(title: &str, generated_at: DateTime<Utc>) -> Self {
        let title = escaped(title);
        Self {
            html: format!(
                "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
                 <style>{STYLE}</style></head>\n<body><h1>{title}</h1>\n<p>Written by Otaru on {}</p>\n",
                time(generated_at)
            ),
        }
    }

    pub fn heading(&mut self, text: &str) {
        self.push(format_args!("<h2>{}</h2>\n", escaped(text)));
    }

    pub fn note(&mut self, text: &str) {
        self.push(format_args!("<p class=\"none\">{}</p>\n", escaped(text)));
    }

    pub fn facts(&mut self, facts: &[(&str, String)]) {
        self.html.push_str("<dl>");
        for (name, fact) in facts {
            let fact = if fact.is_empty() { "–" } else { fact };
            self.push(format_args!("<dt>{}</dt><dd>{}</dd>\n", escaped(name), escaped(fact)));
        }
        self.html.push_str("</dl>\n");
    }

    pub fn table(&mut self, columns: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
        self.html.push_str("<table><thead><tr>");
        for column in columns {
            self.push(format_args!("<th>{}</th>", escaped(column)));
        }
        self.html.push_str("</tr></thead><tbody>\n");
        for row in rows {
            self.html.push_str("<tr>");
            for cell in row {
                self.push(format_args!("<td>{}</td>", escaped(&cell)));
            }
            self.html.push_str("</tr>\n");
        }
        self.html.push_str("</tbody></table>\n");
    }

    /// What became of vehicles.
    pub fn vehicles(&mut self, vehicles: &[DossierVehicle]) {
        let columns = [
            "Vehicle",
            "Campaign",
            "Compatible",
            "RXSWIN before",
            "RXSWIN after",
            "ECUs before",
            "ECUs after",
            "Result",
        ];
        self.table(
            &columns,
            vehicles.iter().map(|one| {
                let after = one.rxswin_after.clone().unwrap_or_default();
                let expected = one.rxswin_expected.as_ref().filter(|expected| **expected != after);
                vec![
                    format!("{} ({})", one.vin, one.model),
                    format!("{} {}, wave {}, attempt {}", one.campaign, one.campaign_name, one.wave, one.attempt),
                    one.compatible.map_or("not known", |yes| if yes { "yes" } else { "no" }).to_owned(),
                    one.rxswin_before.clone().unwrap_or_default(),
                    expected.map_or(after.clone(), |expected| format!("{after} (of the release: {expected})")),
                    ecus(&one.ecus_before),
                    ecus(&one.ecus_after),
                    format!(
                        "{} {}, {}",
                        one.state,
                        one.error_code.as_deref().unwrap_or_default(),
                        time(one.updated_at)
                    ),
                ]
            }),
        );
    }

    /// The log, and what it can be verified with.
    pub fn log(&mut self, log: &[AuditEntry], anchor: &DossierAnchor) {
        self.heading("Log");
        let row = |entry: &AuditEntry| {
            vec![entry.id.to_string(), time(entry.at), entry.actor.clone(), entry.action.clone(), plain(&entry.details)]
        };
        self.table(&["Entry", "When", "Who", "What", "Details"], log.iter().map(row));
        self.note(&format!("The whole log ended at entry {} with the digest {}.", anchor.id, anchor.digest));
    }

    pub fn end(mut self) -> String {
        self.html.push_str("</body></html>\n");
        self.html
    }

    fn push(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a string does not fail.
        let _ = self.html.write_fmt(text);
    }
}

fn ecus(ecus: &[DossierEcu]) -> String {
    let ecu = |ecu: &DossierEcu| format!("{} {}", ecu.hardware_id, ecu.version);
    ecus.iter().map(ecu).collect::<Vec<_>>().join(", ")
}

/// A time as it is printed.
pub(super) fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A value of JSON in words.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| format!("{}: {}", name.replace('_', " "), plain(value));
            members.iter().map(member).collect::<Vec<_>>().join("; ")
        }
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_wrote_is_shown_and_never_run() {
        let now = "2026-03-01T12:00:00Z".parse().unwrap();
        let mut page = Page::new("<script>alert('1')</script>", now);
        page.heading("<b>");
        page.facts(&[("<i>", "\" onload=\"x".to_owned())]);
        page.table(&["<u>"], [vec!["<img src=x>".to_owned()]]);
        let html = page.end();
        for tag in ["<script", "<b>", "<i>", "<u>", "<img", "\" onload"] {
            assert!(!html.contains(tag), "{tag} in {html}");
        }
        assert!(html.contains("&lt;img src=x&gt;"));
    }
}
