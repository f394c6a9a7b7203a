//! How the provider is asked. It is trusted to say who somebody is, not to make this service ask others or to fill
//! its memory: no redirects, a time limit, a limit on each answer.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use thiserror::Error;

const TIMEOUT: Duration = Duration::from_secs(10);
const MAX_BYTES: usize = 1 << 20;

#[derive(Debug, Error)]
pub(crate) enum AskError {
    #[error("the provider cannot be reached")]
    Request(#[from] reqwest::Error),
    #[error("the provider's answer is longer than {MAX_BYTES} bytes")]
    TooLong,
}

#[derive(Clone)]
pub(crate) struct Http(reqwest::Client);

impl Http {
    /// # Errors
    /// When TLS cannot be set up.
    pub(crate) fn new() -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(TIMEOUT);
        Ok(Self(client.build()?))
    }

    async fn ask(&self, request: HttpRequest) -> Result<HttpResponse, AskError> {
        let mut response = self.0.execute(request.try_into()?).await?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > MAX_BYTES {
                return Err(AskError::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        let mut answer = HttpResponse::new(body);
        *answer.status_mut() = response.status();
        *answer.headers_mut() = response.headers().clone();
        Ok(answer)
    }
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = AskError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, AskError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.ask(request))
    }
}
