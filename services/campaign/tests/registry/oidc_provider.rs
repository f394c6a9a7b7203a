//! A real OpenID provider (npm's `oidc-provider`) in a process of its own, and a browser that goes through its form.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;

use chrono::TimeDelta;
use otaru_campaign::OidcConfig;
use otaru_campaign::auth::Role;
use reqwest::{Client, Method, Url, redirect};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::OnceCell;

use crate::world::{Answer, World};

const SECRET: &str = "a secret that only the tests know";
/// Where the dashboard would be; a browser's requests to it go to the service of the test.
pub const PUBLIC: &str = "https://ota.example";

/// Installs the provider once, from the lock file.
async fn install() {
    static INSTALLED: OnceCell<()> = OnceCell::const_new();
    let install = async || {
        let mut npm = Command::new("npm");
        npm.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(folder()).stdin(Stdio::null());
        let missing = !folder().join("node_modules/.package-lock.json").exists();
        assert!(!missing || npm.status().await.expect("npm is needed").success(), "npm ci failed");
    };
    INSTALLED.get_or_init(install).await;
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oidc")
}

pub struct Provider {
    pub issuer: String,
    child: Child,
}

impl Provider {
    /// A provider with a key of its own; the claims of a person are in the ID token, or at the userinfo endpoint only.
    pub async fn start(port: u16, id_token_claims: bool) -> Self {
        install().await;
        let people = json!({
            "ada": {"name": "Ada Lovelace", "groups": ["fleet-writers", "others"]},
            "grace": {"name": "Grace Hopper", "groups": ["fleet-writers", "fleet-approvers"]},
            "joan": {"name": "Joan Clarke", "groups": ["fleet-approvers"]},
            "guest": {"name": "Guest", "groups": ["others"]},
            "nobody": {"name": "Nobody"},
            "audience": {"name": "E", "groups": ["fleet-writers"], "forge": "audience"},
            "issuer": {"name": "E", "groups": ["fleet-writers"], "forge": "issuer"},
            "nonce": {"name": "E", "groups": ["fleet-writers"], "forge": "nonce"},
            "signature": {"name": "E", "groups": ["fleet-writers"], "forge": "signature"},
            "expired": {"name": "E", "groups": ["fleet-writers"], "forge": "expired"},
            "none": {"name": "E", "groups": ["fleet-writers"], "forge": "none"},
            "resigned": {"name": "R", "groups": ["fleet-writers"], "forge": "nothing"},
        });
        let told = json!({
            "client_id": "otaru", "client_secret": SECRET, "port": port, "people": people,
            "redirect_uri": format!("{PUBLIC}/api/v1/session/oidc/callback"), "id_token_claims": id_token_claims,
        });
        let mut node = Command::new("node");
        node.arg("provider.js").arg(told.to_string()).current_dir(folder());
        node.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = node.spawn().expect("node is needed");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        while let Some(line) = lines.next_line().await.unwrap() {
            let Some(said) = serde_json::from_str::<Value>(&line).ok() else { continue };
            let issuer = said["issuer"].as_str().unwrap().to_owned();
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Self { issuer, child };
        }
        panic!("the provider did not start");
    }

    pub async fn stop(mut self) {
        self.child.kill().await.unwrap();
    }
}

/// What the service is told of a provider.
pub fn config(issuer: &str) -> OidcConfig {
    let role = |group: &str, role| (group.to_owned(), role);
    OidcConfig {
        issuer: issuer.to_owned(),
        client_id: "otaru".into(),
        client_secret: SECRET.into(),
        scopes: vec!["profile".into()],
        groups_claim: "groups".into(),
        roles: vec![role("fleet-writers", Role::Engineer), role("fleet-approvers", Role::Approver)],
        public_url: PUBLIC.into(),
        label: "Example AG".into(),
        session_life: TimeDelta::hours(1),
    }
}

pub async fn world(issuer: &str) -> World {
    World::start_with(|world| world.oidc = Some(config(issuer))).await
}

/// A browser: it keeps cookies, and goes where it is sent.
pub struct Browser<'a> {
    world: &'a World,
    client: Client,
    pub cookies: BTreeMap<String, String>,
}

impl<'a> Browser<'a> {
    pub fn new(world: &'a World) -> Self {
        let client = Client::builder().redirect(redirect::Policy::none()).build().unwrap();
        Self { world, client, cookies: BTreeMap::new() }
    }

    /// Asks the dashboard's service, or the provider.
    async fn ask(&mut self, method: Method, url: &str, form: Option<&str>) -> Answer {
        let path = url.strip_prefix(PUBLIC).unwrap_or(url);
        let request = if path.starts_with('/') {
            self.client.request(method, self.world.url(path))
        } else {
            self.client.request(method, url)
        };
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = request.header("cookie", cookies.join("; "));
        if let Some(form) = form {
            request = request.header("content-type", "application/x-www-form-urlencoded").body(form.to_owned());
        }
        let answer = Answer::of(request).await;
        for cookie in answer.headers.get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if value.is_empty() || cookie.contains("Max-Age=0") || cookie.contains("1970") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    pub async fn get(&mut self, url: &str) -> Answer {
        self.ask(Method::GET, url, None).await
    }

    /// Begins at the service and goes through the provider's form; the URL of the way back, not yet followed.
    pub async fn through_the_form(&mut self, login: &str, to: &str) -> String {
        let begun = self.get(&format!("/api/v1/session/oidc?to={to}")).await;
        begun.is(303);
        let mut url = Url::parse(begun.headers["location"].to_str().unwrap()).unwrap();
        for _ in 0..12 {
            if url.as_str().starts_with(PUBLIC) {
                return url.into();
            }
            let mut answer = self.get(url.as_str()).await;
            if answer.status == 200 {
                let page = String::from_utf8_lossy(&answer.bytes).into_owned();
                let form = if page.contains("name=\"login\"") {
                    format!("prompt=login&login={login}&password=any")
                } else {
                    "prompt=consent".to_owned()
                };
                answer = self.ask(Method::POST, url.as_str(), Some(&form)).await;
            }
            let Some(next) = answer.headers.get("location") else {
                panic!("{}: {}", answer.status, String::from_utf8_lossy(&answer.bytes));
            };
            url = url.join(next.to_str().unwrap()).unwrap();
        }
        panic!("the provider goes round in circles");
    }

    /// Signs in; the last answer.
    pub async fn sign_in(&mut self, login: &str) -> Answer {
        let back = self.through_the_form(login, "/campaigns?state=running").await;
        self.get(&back).await
    }

    /// A call of the dashboard's own page.
    pub async fn call(&self, method: Method, path: &str, body: &Value) -> Answer {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = self.client.request(method, self.world.url(&format!("/api/v1{path}")));
        let request = request.header("cookie", cookies.join("; ")).header("sec-fetch-site", "same-origin");
        Answer::of(request.json(body)).await
    }
}
