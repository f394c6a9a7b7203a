//! `GET …/installedBase/{action}`: what the device installed last, as it was told to.

use axum::extract::{Path, State};
use axum::response::Response;
use otaru_domain::assignment::AssignmentState;
use otaru_http::Problem;

use super::action::ActionId;
use super::deployment::{deployment, missing};
use super::device::Device;
use super::standing::find;
use super::{chunks, hal, no_such_action};
use crate::app::App;

pub(super) async fn get(
    State(app): State<App>,
    Device { claims, links }: Device,
    Path((_, _, id)): Path<(String, String, String)>,
) -> Result<Response, Problem> {
    let id: ActionId = id.parse().map_err(|()| no_such_action())?;
    let action = find(&app, &claims, id).await.map_err(|problem| missing(&problem))?;
    if action.exit != Some(AssignmentState::Installed) {
        return Err(no_such_action());
    }
    let chunks = chunks::of(&app, &claims, &action, None, &links).await?;
    Ok(hal(deployment(action.id, "forced", "forced", &chunks)))
}
