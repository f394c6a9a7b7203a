//! `POST …/deploymentBase/{action}/feedback`: a device reports a step, which becomes an acknowledgement.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use otaru_domain::ack::{Ack, AckReport, MAX_ERROR_CODE_BYTES, MAX_LOG_BYTES, Origin, ReportedState, cut};
use otaru_domain::assignment::AssignmentState;
use otaru_domain::token::Claims;
use otaru_domain::{clock, topic};
use otaru_http::Problem;
use serde::Deserialize;
use serde_json::Value;

use super::action::ActionId;
use super::device::Device;
use super::standing::find;
use super::{gone, no_such_action, parse, taken};
use crate::api::whole;
use crate::app::App;
use crate::offers::message;
use crate::{problems, signatures};

/// The body. Fields that are not named here are ignored, the action's id among them: the path has it.
#[derive(Debug, Deserialize)]
pub(super) struct Feedback {
    pub status: Status,
}

#[derive(Debug, Deserialize)]
pub(super) struct Status {
    pub execution: Execution,
    pub result: Outcome,
    /// The device's own code.
    code: Option<i64>,
    details: Option<Vec<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Execution {
    Closed,
    Proceeding,
    Canceled,
    Scheduled,
    Rejected,
    Resumed,
    Downloaded,
    Download,
}

#[derive(Debug, Deserialize)]
pub(super) struct Outcome {
    pub finished: Finished,
    /// `{cnt, of}`; what is of another form says nothing, and is no reason to lose a report.
    progress: Option<Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Finished {
    Success,
    Failure,
    None,
}

/// How much of `of` steps `cnt` are.
fn percent(progress: &Value) -> Option<u8> {
    let (cnt, of) = (progress["cnt"].as_u64()?, progress["of"].as_u64().filter(|of| *of > 0)?);
    u8::try_from(u128::from(cnt.min(of)) * 100 / u128::from(of)).ok()
}

/// What a report says of the attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Step(ReportedState),
    /// The device gave it up by itself.
    Cancelled,
}

impl Status {
    /// `proceeding` is all that clients say while they download and write at once, so it stands for installing.
    fn meaning(&self) -> Meaning {
        Meaning::Step(match (self.execution, self.result.finished) {
            (Execution::Canceled, _) => return Meaning::Cancelled,
            (Execution::Closed, Finished::Failure) => ReportedState::Failed,
            // As hawkBit takes it: closed is done unless it failed.
            (Execution::Closed, Finished::Success | Finished::None) => ReportedState::Installed,
            (Execution::Rejected, _) => ReportedState::Declined,
            (Execution::Scheduled | Execution::Resumed, _) => ReportedState::Accepted,
            (Execution::Download, _) => ReportedState::Downloading,
            (Execution::Downloaded, _) => ReportedState::Downloaded,
            (Execution::Proceeding, _) => ReportedState::Installing,
        })
    }

    fn report(&self, id: ActionId, state: ReportedState) -> AckReport {
        let progress = self.result.progress.as_ref().and_then(percent);
        let ended = AssignmentState::from(state).is_terminal();
        let failed = matches!(state, ReportedState::Failed | ReportedState::Declined);
        // How far a step that is over was is no news.
        let progress = progress.filter(|_| !ended);
        AckReport {
            progress_percent: progress,
            error_code: failed.then(|| error_code(self.code, state)),
            log: self.log().filter(|_| ended),
            ..AckReport::of(id.campaign, id.attempt, state.derived_sequence(progress), state)
        }
    }

    /// The details, a line each.
    pub fn log(&self) -> Option<String> {
        let text = self.details.as_ref().filter(|details| !details.is_empty())?.join("\n");
        Some(cut(text, MAX_LOG_BYTES))
    }
}

fn error_code(code: Option<i64>, state: ReportedState) -> String {
    let what = if state == ReportedState::Declined { "ddi-rejected" } else { "ddi-failure" };
    cut(code.map_or_else(|| what.to_owned(), |code| format!("ddi-{code}")), MAX_ERROR_CODE_BYTES)
}

pub(super) async fn post(
    State(app): State<App>,
    Device { claims, .. }: Device,
    Path((_, _, id)): Path<(String, String, String)>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let id: ActionId = id.parse().map_err(|()| no_such_action())?;
    let feedback: Feedback = parse(&whole(body)?)?;
    check_open(&app, &claims, id).await?;
    if id.skip {
        // It reports that it did as told: nothing.
        return Ok(taken());
    }
    let now = clock::now();
    let ack = match feedback.status.meaning() {
        Meaning::Cancelled => cancelled(&claims, id),
        Meaning::Step(state) => {
            feedback.status.report(id, state).into_ack(claims.vin.clone(), Some(claims.model.clone()), now)
        }
    };
    send(&app, &claims, &ack).await?;
    Ok(taken())
}

/// That the action takes reports. While Postgres is away all are taken, for what happened on the road is to be heard
/// of; what turns out to be of no assignment becomes a dead letter.
async fn check_open(app: &App, claims: &Claims, id: ActionId) -> Result<(), Problem> {
    match find(app, claims, id).await {
        Ok(action) if action.is_over() => Err(gone()),
        Err(problem) if !problem.status().is_server_error() => Err(problem),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// That the vehicle stopped. Only a gateway may say `cancelled`; said twice, it counts once.
pub(super) fn cancelled(claims: &Claims, id: ActionId) -> Ack {
    let state = AssignmentState::Cancelled;
    let mut ack = Ack::by_server(Origin::Gateway, claims.vin.clone(), id.campaign, id.attempt, state, clock::now());
    ack.model = Some(claims.model.clone());
    ack
}

/// Writes an acknowledgement for good.
///
/// # Errors
/// 403 where the vehicle would have to sign it, 503 while it cannot be written.
pub(super) async fn send(app: &App, claims: &Claims, ack: &Ack) -> Result<(), Problem> {
    if signatures::are_required(app, &claims.model).await {
        return Err(signatures::not_over_this_api());
    }
    let message = message(&claims.vin, ack)?;
    app.producer.send(topic::ACKS, message).await.map_err(|error| problems::not_written(app, &error))?;
    app.broker.answered();
    metrics::counter!("otaru_gateway_acks_total", "state" => ack.state.as_str()).increment(1);
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(status: &serde_json::Value) -> Status {
        parse::<Feedback>(&serde_json::to_vec(&json!({ "id": 64, "status": status })).unwrap()).unwrap().status
    }

    fn reported(status: &serde_json::Value) -> AckReport {
        let status = read(status);
        let Meaning::Step(state) = status.meaning() else { panic!("a step") };
        let report = status.report(ActionId::new(1, 1).unwrap(), state);
        report.check().unwrap();
        report
    }

    #[test]
    fn each_execution_is_a_step() {
        for (execution, finished, expected) in [
            ("scheduled", "none", ReportedState::Accepted),
            ("resumed", "none", ReportedState::Accepted),
            ("download", "none", ReportedState::Downloading),
            ("downloaded", "none", ReportedState::Downloaded),
            ("proceeding", "none", ReportedState::Installing),
            ("closed", "success", ReportedState::Installed),
            ("closed", "none", ReportedState::Installed),
            ("closed", "failure", ReportedState::Failed),
            ("rejected", "none", ReportedState::Declined),
        ] {
            let report = reported(&json!({ "execution": execution, "result": { "finished": finished } }));
            assert_eq!(report.state, expected, "{execution} {finished}");
        }
        let canceled = read(&json!({ "execution": "canceled", "result": { "finished": "none" } }));
        assert_eq!(canceled.meaning(), Meaning::Cancelled);
    }

    #[test]
    fn later_steps_and_more_progress_have_higher_sequences() {
        let at = |execution: &str, cnt: u64, of: u64| {
            let progress = json!({ "cnt": cnt, "of": of });
            reported(&json!({ "execution": execution, "result": { "finished": "none", "progress": progress } }))
        };
        let order = [at("scheduled", 0, 0), at("download", 0, 3), at("download", 3, 3), at("proceeding", 1, 2)];
        assert!(order.windows(2).all(|pair| pair[0].sequence < pair[1].sequence), "{order:?}");
        let progress: Vec<_> = order.iter().map(|report| report.progress_percent).collect();
        assert_eq!(progress, [None, Some(0), Some(100), Some(50)]);
        assert_eq!(at("proceeding", 9, 3).progress_percent, Some(100));
        let odd = json!({ "execution": "proceeding", "result": { "finished": "none", "progress": 7 } });
        assert_eq!(reported(&odd).progress_percent, None);
        let end = reported(&json!({ "execution": "closed", "result": { "finished": "success" } }));
        assert!(order[3].sequence < end.sequence);
    }

    #[test]
    fn a_failure_has_its_code_and_its_log() {
        let details = vec!["ERROR : the image is corrupt".repeat(1000), "ü".repeat(20_000)];
        let mut status = json!({ "execution": "closed", "result": { "finished": "failure" }, "details": details });
        let report = reported(&status);
        assert_eq!(report.error_code.as_deref(), Some("ddi-failure"));
        assert!(report.log.is_some_and(|log| log.len() <= MAX_LOG_BYTES && log.starts_with("ERROR")));
        status["code"] = json!(-7);
        assert_eq!(reported(&status).error_code.as_deref(), Some("ddi--7"));
    }

    #[test]
    fn control_characters_that_a_client_left_in_its_json_are_blanks() {
        let body = b"{\"id\": 5, \"status\": {\"execution\": \"closed\", \"result\": {\"finished\": \"failure\"},
            \"details\": [\"a\tb\x01c\"]}}";
        assert_eq!(parse::<Feedback>(body).unwrap().status.log().unwrap(), "a b c");
        assert!(parse::<Feedback>(b"{\"status\": {}}").is_err());
    }
}
