//! One key follows another while everything runs: what an operator does with the campaign service. Each step may be done
//! again, and nothing changes for vehicles before `put-root`.

use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use crate::demo::api::Api;

#[derive(Debug, Args)]
pub(super) struct Service {
    /// The campaign service.
    #[arg(long, env = "OTARU_API", default_value = "http://127.0.0.1:8080")]
    api: String,
    /// An admin's token; better in the variable than in the arguments, which others on this machine see.
    #[arg(long, env = "OTARU_TOKEN", hide_env_values = true)]
    token: String,
    #[arg(long)]
    model: String,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum OnlineRole {
    Targets,
    Campaigns,
    Snapshot,
    Timestamp,
}

#[derive(Debug, Subcommand)]
pub(super) enum OnlineCommand {
    /// Let the service make the key that follows a role's present one, and print it. It signs nothing until a root that
    /// names it was put (`draft`, `sign-root`, `put-root`); that of `campaigns` follows at once, or when approvers have signed.
    Rotate {
        #[command(flatten)]
        service: Service,
        #[arg(long)]
        role: OnlineRole,
        /// A key that is there already, in place of one that the service makes in its keys directory:
        /// `pkcs11:token=LABEL;object=LABEL` in the service's hardware module, or `env:OTARU_KEY_…` in its environment.
        #[arg(long)]
        reference: Option<String>,
    },
    /// Fetch the next root, to be signed offline: it names the newest key of each role.
    Draft {
        #[command(flatten)]
        service: Service,
        /// A public root key that the next root names; again for more. Without any, they stay those of the present root.
        #[arg(long)]
        root_key: Vec<String>,
        /// How many of these must sign.
        #[arg(long, requires = "root_key")]
        threshold: Option<u32>,
        /// A public key of an approver; again for more. `none` drops approvers.
        #[arg(long)]
        targets_key: Vec<String>,
        /// Where to write it.
        #[arg(long)]
        out: PathBuf,
    },
    /// Put a signed root in: from now on vehicles take what the keys in it sign.
    PutRoot {
        #[command(flatten)]
        service: Service,
        /// What `sign-root` wrote.
        #[arg(long)]
        root: PathBuf,
    },
    /// Destroy a key of the service that vehicles take no signatures of any more.
    Revoke {
        #[command(flatten)]
        service: Service,
        /// The key's id, as `rotate` and `list` print it.
        #[arg(long)]
        key: String,
    },
}

impl Service {
    fn call(&self, path: &str) -> anyhow::Result<(Api, String)> {
        let base = self.api.trim_end_matches('/');
        Ok((Api::new(base, &self.token)?, format!("/models/{}{path}", self.model)))
    }
}

impl OnlineCommand {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Rotate { service, role, reference } => {
                let role = role.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
                let (api, path) = service.call("/keys")?;
                let key = api.post(&path, &json!({"role": role, "reference": reference})).await?;
                println!("{key}");
            }
            Self::Draft { service, root_key, threshold, targets_key, out } => {
                let mut query = url::form_urlencoded::Serializer::new(String::new());
                query.extend_pairs(root_key.iter().map(|key| ("root_key", key)));
                query.extend_pairs(targets_key.iter().map(|key| ("targets_key", key)));
                query.extend_pairs(threshold.map(|number| ("threshold", number.to_string())));
                let (api, path) = service.call(&format!("/root/draft?{}", query.finish()))?;
                let draft = api.get(&path).await?;
                fs::write(&out, serde_json::to_vec(&draft)?)
                    .with_context(|| format!("cannot write {}", out.display()))?;
                eprintln!("wrote root version {}; sign it offline: otaru keys sign-root", draft["version"]);
            }
            Self::PutRoot { service, root } => {
                let bytes = fs::read(&root).with_context(|| format!("cannot read {}", root.display()))?;
                let (api, path) = service.call("/root")?;
                let taken = api.put_bytes(&path, bytes).await?;
                println!("{taken}");
            }
            Self::Revoke { service, key } => {
                let (api, path) = service.call(&format!("/keys/{key}"))?;
                api.delete(&path).await?;
                eprintln!("the key {key} is destroyed");
            }
        }
        Ok(())
    }
}
