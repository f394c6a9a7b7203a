//! Preconditions: CEL over a vehicle's signals (`battery.soc >= 40 && gear == "P"`) that must hold when
//! it begins to install. They travel in the signed campaign document and are evaluated by the vehicle, so
//! what no vehicle could evaluate is refused here, before anything is signed.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, SelectExpr, SourceInfo, operators};
use cel::{Context, Env, Value};
use serde_json::Value as Json;
use thiserror::Error;

pub use crate::expression::ExpressionError;
use crate::expression::{self, MAX_DEPTH, offset_of, parse_here, start_of};

const SUPPORTED: &str = "supported are signals such as battery.soc, texts, numbers, true and false, the operators \
     && || ! == != < <= > >= in + - * / % ?:, has(), size, startsWith, endsWith, contains, int, double and string";
const OPERATORS: [&str; 18] = [
    operators::LOGICAL_AND,
    operators::LOGICAL_OR,
    operators::LOGICAL_NOT,
    operators::EQUALS,
    operators::NOT_EQUALS,
    operators::LESS,
    operators::LESS_EQUALS,
    operators::GREATER,
    operators::GREATER_EQUALS,
    operators::IN,
    operators::ADD,
    operators::SUBSTRACT,
    operators::MULTIPLY,
    operators::DIVIDE,
    operators::MODULO,
    operators::NEGATE,
    operators::INDEX,
    operators::CONDITIONAL,
];
const FUNCTIONS: [&str; 4] = ["size", "int", "double", "string"];
const METHODS: [&str; 4] = ["size", "startsWith", "endsWith", "contains"];

/// A condition on a vehicle's signals that has been checked.
#[derive(Debug, Clone)]
pub struct Precondition {
    source: String,
    /// What the source joins with `&&`, in its order.
    clauses: Vec<Clause>,
}

#[derive(Debug, Clone)]
struct Clause {
    text: String,
    expr: IdedExpr,
}

/// What came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Holds,
    Fails {
        /// The first clause that does not hold, as its author wrote it, and in parentheses why it cannot
        /// be evaluated, if that is so: `battery.soc >= 40 (the signal battery.soc is missing)`.
        clause: String,
    },
}

/// Signals that are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("signals must be a JSON object, such as {{\"battery\": {{\"soc\": 80}}, \"gear\": \"P\"}}")]
pub struct SignalsError;

static STANDARD: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

impl Precondition {
    /// Reads and checks `source`.
    ///
    /// # Errors
    /// [`ExpressionError`] naming what is not supported, what is, and where it stands.
    pub fn parse(source: &str) -> Result<Self, ExpressionError> {
        let clauses = expression::parse(source, |expr, info| {
            check(&expr, info, 0)?;
            let mut signs = Vec::new();
            check_clauses(&expr, info, &mut signs)?;
            clauses(source, &signs)
        })?;
        Ok(Self { source: source.to_owned(), clauses })
    }

    /// What the author wrote.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether it holds for `signals`, a JSON object that may nest. A signal that is missing or null makes
    /// the clause that needs it fail.
    ///
    /// # Errors
    /// [`SignalsError`] when `signals` is no object.
    pub fn evaluate(&self, signals: &Json) -> Result<Verdict, SignalsError> {
        let fields = signals.as_object().ok_or(SignalsError)?;
        let mut context = Context::with_env(STANDARD.clone());
        for (name, value) in fields {
            if let Some(value) = signal(value) {
                context.add_variable_from_value(name.as_str(), value);
            }
        }
        let failing = self.clauses.iter().find_map(|clause| clause.failure(&context, signals));
        Ok(failing.map_or(Verdict::Holds, |clause| Verdict::Fails { clause }))
    }
}

impl Clause {
    fn failure(&self, context: &Context<'_, '_>, signals: &Json) -> Option<String> {
        let reason = match Value::resolve(&self.expr, context) {
            Ok(Value::Bool(true)) => return None,
            Ok(Value::Bool(false)) => return Some(self.text.clone()),
            Ok(_) => "it is neither true nor false".to_owned(),
            Err(error) => match missing_signal(&self.expr, signals) {
                Some(path) => format!("the signal {path} is missing"),
                None => format!("it cannot be evaluated: {error}"),
            },
        };
        Some(format!("{} ({reason})", self.text))
    }
}

/// Integers stay integers, so that `gear == 1` and `count % 2` work; CEL compares them with
/// fractions by value.
fn signal(value: &Json) -> Option<Value> {
    Some(match value {
        Json::Null => return None,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => {
            number.as_i64().map_or_else(|| number.as_f64().map(Value::Float), |i| Some(Value::Int(i)))?
        }
        Json::String(text) => text.as_str().into(),
        Json::Array(items) => items.iter().filter_map(signal).collect::<Vec<_>>().into(),
        Json::Object(fields) => fields
            .iter()
            .filter_map(|(name, value)| Some((name.clone(), signal(value)?)))
            .collect::<HashMap<String, Value>>()
            .into(),
    })
}

fn check(expr: &IdedExpr, info: &SourceInfo, depth: usize) -> Result<(), ExpressionError> {
    let refuse = |what: String| Err(ExpressionError::new(format!("{what}: {SUPPORTED}"), start_of(expr, info)));
    if depth > MAX_DEPTH {
        return Err(ExpressionError::new(
            format!("expressions may nest {MAX_DEPTH} deep at most"),
            start_of(expr, info),
        ));
    }
    let all = |parts: &[IdedExpr]| parts.iter().try_for_each(|part| check(part, info, depth + 1));
    match &expr.expr {
        Expr::Literal(LiteralValue::Bytes(_) | LiteralValue::Null) => refuse("bytes and null are not supported".into()),
        Expr::Literal(_) => Ok(()),
        Expr::Ident(name) if name.starts_with('.') => refuse("a signal's name cannot begin with a dot".into()),
        Expr::Ident(_) => Ok(()),
        Expr::Select(select) => check(&select.operand, info, depth + 1),
        Expr::List(list) => all(&list.elements),
        Expr::Call(CallExpr { func_name, target: Some(target), args }) => {
            if !METHODS.contains(&func_name.as_str()) {
                return refuse(format!("the function {func_name} is not supported"));
            }
            check(target, info, depth + 1)?;
            all(args)
        }
        Expr::Call(CallExpr { func_name, target: None, args }) => {
            if !OPERATORS.contains(&func_name.as_str()) && !FUNCTIONS.contains(&func_name.as_str()) {
                return refuse(format!("the function {func_name} is not supported"));
            }
            all(args)
        }
        Expr::Comprehension(_) => refuse("all, exists, map and filter are not supported".into()),
        Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => refuse("this is not supported".into()),
    }
}

/// Checks that each clause can be a condition, and notes where the `&&` between them stand.
fn check_clauses(expr: &IdedExpr, info: &SourceInfo, signs: &mut Vec<usize>) -> Result<(), ExpressionError> {
    let is_value = match &expr.expr {
        Expr::Call(CallExpr { func_name, args, .. }) if func_name == operators::LOGICAL_AND => {
            let [left, right] = args.as_slice() else {
                return Err(ExpressionError::new("&& takes two conditions", offset_of(expr, info)));
            };
            check_clauses(left, info, signs)?;
            signs.push(offset_of(expr, info));
            return check_clauses(right, info, signs);
        }
        Expr::Literal(literal) => !matches!(literal, LiteralValue::Boolean(_)),
        Expr::List(_) => true,
        Expr::Call(CallExpr { func_name, .. }) => {
            let arithmetic = [
                operators::ADD,
                operators::SUBSTRACT,
                operators::MULTIPLY,
                operators::DIVIDE,
                operators::MODULO,
                operators::NEGATE,
            ];
            arithmetic.contains(&func_name.as_str()) || FUNCTIONS.contains(&func_name.as_str())
        }
        _ => false,
    };
    if is_value {
        return Err(ExpressionError::new("this is a value, not a condition: compare it", start_of(expr, info)));
    }
    Ok(())
}

/// Cuts `source` at the `&&` between its clauses.
fn clauses(source: &str, signs: &[usize]) -> Result<Vec<Clause>, ExpressionError> {
    let starts = std::iter::once(0).chain(signs.iter().map(|sign| sign + "&&".len()));
    let ends = signs.iter().copied().chain(std::iter::once(source.len()));
    starts.zip(ends).map(|(start, end)| clause(source[start..end].trim(), start)).collect()
}

/// Where clauses stand in common parentheses, the text between two `&&` begins or ends with unmatched
/// ones, which do not belong to the clause.
fn clause(text: &str, position: usize) -> Result<Clause, ExpressionError> {
    let error = match whole_clause(text) {
        Ok(clause) => return Ok(clause),
        Err(error) => error,
    };
    let without_open = std::iter::successors(Some(text), |text| text.strip_prefix('(').map(str::trim));
    let without_close = std::iter::successors(Some(text), |text| text.strip_suffix(')').map(str::trim));
    without_open
        .skip(1)
        .chain(without_close.skip(1))
        .find_map(|text| whole_clause(text).ok())
        .ok_or_else(|| ExpressionError::new(error.message, position + error.position))
}

fn whole_clause(text: &str) -> Result<Clause, ExpressionError> {
    parse_here(text).map(|(expr, _)| Clause { text: text.to_owned(), expr })
}

/// The first signal in the clause that `signals` does not have.
fn missing_signal(expr: &IdedExpr, signals: &Json) -> Option<String> {
    if let Some(path) = path_of(expr) {
        let found = path.iter().try_fold(signals, |signals, name| signals.get(name)).filter(|found| !found.is_null());
        return found.is_none().then(|| path.join("."));
    }
    match &expr.expr {
        Expr::Call(CallExpr { target, args, .. }) => {
            target.iter().map(|target| &**target).chain(args).find_map(|part| missing_signal(part, signals))
        }
        Expr::List(list) => list.elements.iter().find_map(|part| missing_signal(part, signals)),
        Expr::Select(select) => missing_signal(&select.operand, signals),
        _ => None,
    }
}

/// `battery.soc` as its names.
fn path_of(expr: &IdedExpr) -> Option<Vec<&str>> {
    match &expr.expr {
        Expr::Ident(name) => Some(vec![name]),
        Expr::Select(SelectExpr { operand, field, test: false }) => {
            let mut path = path_of(operand)?;
            path.push(field);
            Some(path)
        }
        Expr::Call(CallExpr { func_name, target: None, args }) if func_name == operators::INDEX => {
            let [operand, IdedExpr { expr: Expr::Literal(LiteralValue::String(name)), .. }] = args.as_slice() else {
                return None;
            };
            let mut path = path_of(operand)?;
            path.push(name.inner());
            Some(path)
        }
        _ => None,
    }
}
