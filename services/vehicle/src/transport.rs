//! Lets `tough` fetch over the client that everything else uses: one pool, one set of time limits, and no
//! retries below the caller's own backoff.

use futures::{TryStreamExt as _, stream};
use reqwest::StatusCode;
use tough::{Transport, TransportError, TransportErrorKind, TransportStream, async_trait};
use url::Url;

#[derive(Debug, Clone)]
pub(crate) struct Http(pub(crate) reqwest::Client);

#[async_trait]
impl Transport for Http {
    /// Every fault arrives inside the stream: an error of `fetch` itself would make `tough` take the lack
    /// of an answer for the lack of a newer root.
    async fn fetch(&self, url: Url) -> Result<TransportStream, TransportError> {
        let client = self.0.clone();
        let opened = async move {
            let response = client
                .get(url.clone())
                .send()
                .await
                .map_err(|error| TransportError::new_with_cause(TransportErrorKind::Other, &url, error))?;
            let status = response.status();
            if !status.is_success() {
                let kind = match status {
                    StatusCode::NOT_FOUND | StatusCode::GONE => TransportErrorKind::FileNotFound,
                    _ => TransportErrorKind::Other,
                };
                return Err(TransportError::new_with_cause(kind, &url, format!("the server answered {status}")));
            }
            Ok(response
                .bytes_stream()
                .map_err(move |error| TransportError::new_with_cause(TransportErrorKind::Other, &url, error)))
        };
        Ok(Box::pin(stream::once(opened).try_flatten()))
    }
}
