//! What a token is limited to beside its role: kinds of calls, and models whose things it may change. A token that
//! is limited to models reads what its role may read, and changes only what belongs to these models alone; a
//! call that is not known here to belong to models is refused to it.

use axum::http::Method;
use otaru_domain::id::{ModelId, Vin};
use otaru_http::Problem;
use otaru_store::Store;
use otaru_store::access::{self, Owned};

use crate::access::PREFIX;
use crate::auth::Actor;
use crate::error::ApiError;

/// The limits; the default has none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// Only things of these models.
    pub models: Option<Vec<String>>,
    /// Only calls whose path begins with one of these.
    pub calls: Option<Vec<String>>,
}

impl Scope {
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.models.is_none() && self.calls.is_none()
    }

    fn has_model(&self, model: &str) -> bool {
        self.models.as_ref().is_none_or(|models| models.iter().any(|one| one == model))
    }
}

impl Actor {
    /// Refuses to change what belongs to other models than the token's.
    ///
    /// # Errors
    /// 403.
    pub fn require_models<'a>(&self, models: impl IntoIterator<Item = &'a ModelId>) -> Result<(), ApiError> {
        match models.into_iter().find(|model| !self.scope.has_model(model.as_str())) {
            None => Ok(()),
            Some(model) => Err(self.refused(&format!("changes nothing of model {model}"))),
        }
    }

    fn refused(&self, what: &str) -> ApiError {
        Problem::forbidden(format!("the token {:?} is limited: it {what}", self.name)).into()
    }
}

/// Lets a call pass that the actor's token is not limited against. What a call that creates something is about is
/// in its body: its handler asks [`Actor::require_models`].
///
/// # Errors
/// 403, or 503 while the database is away.
pub(crate) async fn permit(store: &Store, actor: &Actor, method: &Method, path: &str) -> Result<(), ApiError> {
    let path = path.strip_prefix(PREFIX).unwrap_or(path);
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let kind = parts.first().copied().unwrap_or_default();
    if actor.scope.calls.as_ref().is_some_and(|calls| !calls.iter().any(|call| call == kind)) {
        return Err(actor.refused(&format!("makes no calls below /{kind}")));
    }
    if actor.scope.models.is_none() || method.is_safe() {
        return Ok(());
    }
    let number = |text: &str| text.parse::<i64>().ok();
    let owned = match parts.as_slice() {
        ["models" | "releases" | "campaigns" | "vehicles" | "artifacts"] => return Ok(()),
        ["vehicles", "import"] | ["campaigns", "preview"] => return Ok(()),
        ["models", model, ..] if actor.scope.has_model(model) => return Ok(()),
        // As it is written: a VIN that is escaped is another's to the database here and the same to the handler.
        ["vehicles", vin, ..] => Vin::parse(vin).is_ok().then_some(Owned::Vehicle(vin)),
        ["releases", id, ..] => number(id).map(Owned::Release),
        ["campaigns", id, ..] => number(id).map(Owned::Campaign),
        _ => None,
    };
    let Some(owned) = owned else {
        return Err(actor.refused("changes only what belongs to its models"));
    };
    let models = access::models_of(store, owned).await?;
    match models.iter().find(|model| !actor.scope.has_model(model)) {
        None => Ok(()),
        Some(model) => Err(actor.refused(&format!("changes nothing of model {model}"))),
    }
}
