//! The campaign service's REST API as the demo uses it: as any engineer's script would.

use anyhow::{Context as _, bail};
use reqwest::{Body, Method, RequestBuilder, Response};
use serde_json::Value;

/// A client with an address and a token.
#[derive(Debug, Clone)]
pub struct Api {
    http: reqwest::Client,
    base: String,
    token: String,
}

impl Api {
    /// `base` is the campaign service's own URL, without a path.
    pub fn new(base: &str, token: &str) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().build().context("cannot make an HTTP client")?;
        Ok(Self { http, base: format!("{base}/api/v1"), token: token.to_owned() })
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token)
    }

    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        answer(self.request(Method::GET, path), path).await
    }

    /// Like [`Self::get`], but what does not exist is `None`.
    pub async fn find(&self, path: &str) -> anyhow::Result<Option<Value>> {
        let response = self.request(Method::GET, path).send().await.with_context(|| format!("GET {path}"))?;
        if response.status() == reqwest::StatusCode::NOT_FOUND {
            return Ok(None);
        }
        read(response, path).await.map(Some)
    }

    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        answer(self.request(Method::POST, path).json(body), path).await
    }

    /// Puts bytes as they are: signatures are over them.
    pub async fn put_bytes(&self, path: &str, body: Vec<u8>) -> anyhow::Result<Value> {
        answer(self.request(Method::PUT, path).header("content-type", "application/json").body(body), path).await
    }

    pub async fn delete(&self, path: &str) -> anyhow::Result<Value> {
        answer(self.request(Method::DELETE, path), path).await
    }

    /// Posts bytes of another type than JSON.
    pub async fn upload(&self, path: &str, content_type: &str, body: impl Into<Body>) -> anyhow::Result<Value> {
        answer(self.request(Method::POST, path).header("content-type", content_type).body(body), path).await
    }
}

async fn answer(request: RequestBuilder, path: &str) -> anyhow::Result<Value> {
    let response = request.send().await.with_context(|| format!("no answer to {path}"))?;
    read(response, path).await
}

async fn read(response: Response, path: &str) -> anyhow::Result<Value> {
    let status = response.status();
    let bytes = response.bytes().await.with_context(|| format!("the answer to {path} broke off"))?;
    if !status.is_success() {
        let problem: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        bail!("{path} was answered {status}: {}", problem["detail"].as_str().unwrap_or("no detail"));
    }
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&bytes).with_context(|| format!("the answer to {path} is not JSON"))
}
