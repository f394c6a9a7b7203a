//! Fetching with an end: whatever a server sends, no more than the limit is held.

use std::time::Duration;

use futures::StreamExt as _;
use reqwest::StatusCode;
use url::Url;

use super::TufError;

/// Metadata that takes longer is being sent slowly on purpose, or over a connection on which no update succeeds.
const METADATA_TIMEOUT: Duration = Duration::from_secs(120);

/// Fetches at most `limit` bytes. `Absent` when the server says that it has no such file.
pub(super) async fn metadata(client: &reqwest::Client, url: Url, file: &str, limit: u64) -> Result<Vec<u8>, TufError> {
    body(client.get(url).timeout(METADATA_TIMEOUT), file, limit).await
}

/// Fetches at most `limit` bytes of a target, which may take its time, as whoever has the `token`.
pub(super) async fn target(
    (client, token): (&reqwest::Client, Option<&str>),
    url: Url,
    file: &str,
    limit: u64,
) -> Result<Vec<u8>, TufError> {
    let request = client.get(url);
    let request = match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    };
    body(request, file, limit).await
}

async fn body(request: reqwest::RequestBuilder, file: &str, limit: u64) -> Result<Vec<u8>, TufError> {
    let network = |source| TufError::Network { file: file.to_owned(), source };
    let response = request.send().await.map_err(network)?;
    let status = response.status();
    if !status.is_success() {
        return match response.error_for_status_ref() {
            Err(source) if !is_absent(status) => Err(network(source)),
            _ => Err(TufError::Absent { file: file.to_owned(), status }),
        };
    }
    let mut bytes = Vec::new();
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(network)?;
        if bytes.len() as u64 + chunk.len() as u64 > limit {
            return Err(TufError::TooLong { file: file.to_owned(), limit });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Object stores answer 403 where they have nothing.
fn is_absent(status: StatusCode) -> bool {
    matches!(status, StatusCode::NOT_FOUND | StatusCode::GONE | StatusCode::FORBIDDEN)
}
