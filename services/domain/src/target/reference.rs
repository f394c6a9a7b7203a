//! What a target means, by CEL's own interpreter: the reference that the SQL is held against, and the
//! way to ask about one vehicle whose facts are at hand.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock};

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};
use cel::{Context, Env, Value};

use super::parse::ecu_version_of;
use crate::version;

/// What a target may ask of a vehicle.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VehicleFacts {
    pub vin: String,
    pub model: String,
    pub model_year: Option<i64>,
    pub region: Option<String>,
    pub tags: Vec<String>,
    /// The saved groups it is in, by list or by expression.
    pub groups: Vec<String>,
    pub attributes: BTreeMap<String, String>,
    /// Hardware id to version.
    pub ecus: BTreeMap<String, String>,
}

static STANDARD: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// The expression with each text that is compared with a version replaced by its sort key: CEL knows
/// no versions, but keys order as versions do.
pub(super) fn with_sort_keys(mut expr: IdedExpr) -> IdedExpr {
    rewrite(&mut expr);
    expr
}

fn rewrite(expr: &mut IdedExpr) {
    let Expr::Call(CallExpr { func_name, args, .. }) = &mut expr.expr else {
        return;
    };
    match func_name.as_str() {
        operators::LOGICAL_AND | operators::LOGICAL_OR | operators::LOGICAL_NOT => {
            args.iter_mut().for_each(rewrite);
        }
        _ if args.iter().any(|side| ecu_version_of(side).is_some()) => args.iter_mut().for_each(key_literals),
        _ => {}
    }
}

fn key_literals(side: &mut IdedExpr) {
    match &mut side.expr {
        Expr::Literal(LiteralValue::String(text)) => *text = version::sort_key(text.inner()).into(),
        Expr::List(list) => list.elements.iter_mut().for_each(key_literals),
        _ => {}
    }
}

/// An error, such as an attribute that is not there, does not hold.
pub(super) fn holds(expr: &IdedExpr, vehicle: &VehicleFacts) -> bool {
    let mut context = Context::with_env(STANDARD.clone());
    context.add_variable_from_value("vin", vehicle.vin.as_str());
    context.add_variable_from_value("model", vehicle.model.as_str());
    if let Some(year) = vehicle.model_year {
        context.add_variable_from_value("model_year", year);
    }
    if let Some(region) = &vehicle.region {
        context.add_variable_from_value("region", region.as_str());
    }
    context.add_variable_from_value("tags", vehicle.tags.clone());
    context.add_variable_from_value("groups", vehicle.groups.clone());
    let attributes: HashMap<String, Value> =
        vehicle.attributes.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    context.add_variable_from_value("attributes", attributes);
    let ecus: HashMap<String, Value> = vehicle
        .ecus
        .iter()
        .map(|(id, running)| {
            (id.clone(), HashMap::from([("version".to_owned(), Value::from(version::sort_key(running)))]).into())
        })
        .collect();
    context.add_variable_from_value("ecu", ecus);
    matches!(Value::resolve(expr, &context), Ok(Value::Bool(true)))
}
