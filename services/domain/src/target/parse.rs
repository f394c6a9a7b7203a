//! From CEL's syntax tree to a checked condition. Every refusal says what is supported instead: the
//! author is an engineer with a campaign to start, not a reader of CEL's specification.

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, SelectExpr, SourceInfo, operators};

use super::TargetError;
use super::expr::{Comparison, Condition, Kind, List, Operand, Part};
use super::reference::with_sort_keys;
use crate::expression::{self, MAX_DEPTH, start_of};
use crate::id::{GroupId, HardwareId};
use crate::version;

const FIELDS: &str = "vin, model, model_year, region, tags, groups, attributes[\"name\"] and ecu[\"BCM\"].version";
const CONDITIONS: &str = "a condition is a comparison (== != < <= > >=), `in`, startsWith, endsWith, contains, \
     has(attributes.name), true or false, joined by &&, || and !";

pub(super) fn parse(source: &str) -> Result<(Condition, IdedExpr), TargetError> {
    expression::parse(source, |expr, info| {
        let condition = Checker { info }.condition(&expr, 0)?;
        Ok((condition, with_sort_keys(expr)))
    })
}

struct Checker<'a> {
    info: &'a SourceInfo,
}

impl Checker<'_> {
    fn refuse<T>(&self, expr: &IdedExpr, message: impl Into<String>) -> Result<T, TargetError> {
        Err(TargetError::new(message, start_of(expr, self.info)))
    }

    fn condition(&self, expr: &IdedExpr, depth: usize) -> Result<Condition, TargetError> {
        if depth > MAX_DEPTH {
            return self.refuse(expr, format!("conditions may nest {MAX_DEPTH} deep at most"));
        }
        match &expr.expr {
            Expr::Literal(LiteralValue::Boolean(value)) => Ok(Condition::Constant(*value.inner())),
            Expr::Select(select) if select.test => self.has(expr, select),
            Expr::Call(CallExpr { func_name, target: Some(target), args }) => {
                self.member_call(expr, func_name, target, args)
            }
            Expr::Call(CallExpr { func_name, target: None, args }) => self.call(expr, func_name, args, depth),
            Expr::Comprehension(_) => {
                self.refuse(expr, format!("all, exists, map and filter are not supported: {CONDITIONS}"))
            }
            _ => self.refuse(expr, format!("this alone is no condition: {CONDITIONS}")),
        }
    }

    fn call(&self, expr: &IdedExpr, function: &str, args: &[IdedExpr], depth: usize) -> Result<Condition, TargetError> {
        let nested = |expr: &IdedExpr| self.condition(expr, depth + 1).map(Box::new);
        match (function, args) {
            (operators::LOGICAL_AND, [left, right]) => Ok(Condition::And(nested(left)?, nested(right)?)),
            (operators::LOGICAL_OR, [left, right]) => Ok(Condition::Or(nested(left)?, nested(right)?)),
            (operators::LOGICAL_NOT, [negated]) => Ok(Condition::Not(nested(negated)?)),
            (operators::IN, [item, container]) => self.membership(item, container),
            (operator, [left, right]) => match comparison_of(operator) {
                Some(comparison) => self.compare(left, comparison, right),
                None => self.unsupported_call(expr, function),
            },
            _ => self.unsupported_call(expr, function),
        }
    }

    fn unsupported_call<T>(&self, expr: &IdedExpr, function: &str) -> Result<T, TargetError> {
        let name = function.trim_matches('_');
        let what = match function {
            operators::CONDITIONAL => "the operator ?: is".to_owned(),
            operators::INDEX => return self.refuse(expr, format!("this alone is no condition: {CONDITIONS}")),
            _ if name.starts_with(|c: char| c.is_ascii_alphabetic()) => format!("the function {name} is"),
            _ => format!("the operator {name} is"),
        };
        self.refuse(expr, format!("{what} not supported: {CONDITIONS}"))
    }

    fn compare(&self, left: &IdedExpr, comparison: Comparison, right: &IdedExpr) -> Result<Condition, TargetError> {
        let versions = ecu_version_of(left).is_some() || ecu_version_of(right).is_some();
        let (a, b) = (self.operand(left, versions)?, self.operand(right, versions)?);
        if a.kind() != b.kind() {
            return self.refuse(right, format!("{} cannot be compared with {}", a.kind(), b.kind()));
        }
        Ok(Condition::Compare { left: a, comparison, right: b })
    }

    /// `versions` says that the other side is a version, so that a text is one, too.
    fn operand(&self, expr: &IdedExpr, versions: bool) -> Result<Operand, TargetError> {
        let operand = match &expr.expr {
            Expr::Literal(LiteralValue::Int(value)) => Operand::Int(*value.inner()),
            Expr::Literal(LiteralValue::String(text)) => {
                let text = self.text(expr, text.inner())?;
                if versions { Operand::Version(version::sort_key(&text)) } else { Operand::Text(text) }
            }
            Expr::Literal(_) => {
                return self.refuse(expr, "values are texts such as \"EU\" and whole numbers such as 2025");
            }
            Expr::Ident(name) => self.field(expr, name)?,
            _ => {
                if let Some((root, key)) = keyed(expr) {
                    self.keyed_operand(expr, root, key)?
                } else if let Some(id) = ecu_version_of(expr) {
                    Operand::EcuVersion(self.hardware_id(expr, id)?)
                } else {
                    return self.refuse(expr, format!("this cannot be compared: supported are {FIELDS}"));
                }
            }
        };
        if versions && operand.kind() != Kind::Version {
            return self
                .refuse(expr, "a version is compared with a text such as \"2.3.0\" or with another ECU's version");
        }
        Ok(operand)
    }

    fn field(&self, expr: &IdedExpr, name: &str) -> Result<Operand, TargetError> {
        match name {
            "vin" => Ok(Operand::Vin),
            "model" => Ok(Operand::Model),
            "model_year" => Ok(Operand::ModelYear),
            "region" => Ok(Operand::Region),
            "groups" => self.refuse(expr, "ask for groups with `\"winter-testers\" in groups`"),
            "tags" => self.refuse(expr, "ask for tags with `\"beta\" in tags`"),
            "attributes" => self.refuse(expr, "name the attribute: attributes[\"name\"], or `\"name\" in attributes`"),
            "ecu" => self.refuse(expr, "name the ECU: ecu[\"BCM\"].version, or `\"BCM\" in ecu`"),
            _ => self.refuse(expr, format!("{name:?} is not known: supported are {FIELDS}")),
        }
    }

    fn keyed_operand(&self, expr: &IdedExpr, root: &str, key: &str) -> Result<Operand, TargetError> {
        match root {
            "attributes" => Ok(Operand::Attribute(self.text(expr, key)?)),
            "ecu" => self.refuse(expr, "of an ECU, only the version can be compared: ecu[\"BCM\"].version"),
            _ => self.refuse(expr, format!("{root:?} has no parts: supported are {FIELDS}")),
        }
    }

    fn membership(&self, item: &IdedExpr, container: &IdedExpr) -> Result<Condition, TargetError> {
        if let Expr::List(list) = &container.expr {
            return self.one_of(item, &list.elements);
        }
        let name = match &container.expr {
            Expr::Ident(name) if ["tags", "attributes", "ecu", "groups"].contains(&name.as_str()) => name.as_str(),
            _ => {
                return self
                    .refuse(container, "`in` takes a list such as [\"EU\", \"UK\"], tags, groups, attributes or ecu");
            }
        };
        let Expr::Literal(LiteralValue::String(text)) = &item.expr else {
            return self.refuse(item, "what is looked for is written as a text: `\"beta\" in tags`");
        };
        let text = self.text(item, text.inner())?;
        match name {
            "tags" => Ok(Condition::Tagged(text)),
            "attributes" => Ok(Condition::HasAttribute(text)),
            "groups" => match GroupId::parse(&text) {
                Ok(id) => Ok(Condition::InGroup(id)),
                Err(error) => self.refuse(item, error.to_string()),
            },
            _ => Ok(Condition::HasEcu(self.hardware_id(item, &text)?)),
        }
    }

    fn one_of(&self, item: &IdedExpr, elements: &[IdedExpr]) -> Result<Condition, TargetError> {
        let versions = ecu_version_of(item).is_some();
        let operand = self.operand(item, versions)?;
        let (mut ints, mut texts) = (Vec::new(), Vec::new());
        for element in elements {
            match (self.operand(element, versions)?, operand.kind()) {
                (Operand::Int(value), Kind::Int) => ints.push(value),
                (Operand::Text(text), Kind::Text) | (Operand::Version(text), Kind::Version) => texts.push(text),
                (_, kind) => {
                    return self.refuse(element, format!("every element of this list must be {kind}, written out"));
                }
            }
        }
        let list = if operand.kind() == Kind::Int { List::Ints(ints) } else { List::Texts(texts) };
        Ok(Condition::OneOf { operand, list })
    }

    fn member_call(
        &self,
        expr: &IdedExpr,
        function: &str,
        target: &IdedExpr,
        args: &[IdedExpr],
    ) -> Result<Condition, TargetError> {
        let part = match function {
            "startsWith" => Part::Start,
            "endsWith" => Part::End,
            "contains" => Part::Anywhere,
            _ => return self.unsupported_call(expr, function),
        };
        let [IdedExpr { expr: Expr::Literal(LiteralValue::String(text)), .. }] = args else {
            return self.refuse(expr, format!("{function} takes one text: region.{function}(\"EU\")"));
        };
        let operand = self.operand(target, false)?;
        if operand.kind() != Kind::Text {
            return self.refuse(target, format!("{function} is for texts, this is {}", operand.kind()));
        }
        Ok(Condition::Matches { operand, part, text: self.text(&args[0], text.inner())? })
    }

    fn has(&self, expr: &IdedExpr, select: &SelectExpr) -> Result<Condition, TargetError> {
        match &select.operand.expr {
            Expr::Ident(root) if root == "attributes" => Ok(Condition::HasAttribute(select.field.clone())),
            Expr::Ident(root) if root == "ecu" => Ok(Condition::HasEcu(self.hardware_id(expr, &select.field)?)),
            _ => {
                let message = "has() is for attributes and ECUs: has(attributes.name), `\"BCM\" in ecu`";
                Err(TargetError::new(message, start_of(&select.operand, self.info)))
            }
        }
    }

    /// Postgres keeps no NUL in a text, so nothing can equal one.
    fn text(&self, expr: &IdedExpr, text: &str) -> Result<String, TargetError> {
        if text.contains('\0') {
            return self.refuse(expr, "NUL characters are not allowed");
        }
        Ok(text.to_owned())
    }

    fn hardware_id(&self, expr: &IdedExpr, id: &str) -> Result<String, TargetError> {
        match HardwareId::parse(id) {
            Ok(id) => Ok(id.into()),
            Err(error) => self.refuse(expr, error.to_string()),
        }
    }
}

fn comparison_of(operator: &str) -> Option<Comparison> {
    Some(match operator {
        operators::EQUALS => Comparison::Equal,
        operators::NOT_EQUALS => Comparison::NotEqual,
        operators::LESS => Comparison::Less,
        operators::LESS_EQUALS => Comparison::LessOrEqual,
        operators::GREATER => Comparison::Greater,
        operators::GREATER_EQUALS => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

/// `root.key` or `root["key"]`.
fn keyed(expr: &IdedExpr) -> Option<(&str, &str)> {
    match &expr.expr {
        Expr::Select(SelectExpr { operand, field, test: false }) => Some((ident(operand)?, field)),
        Expr::Call(CallExpr { func_name, target: None, args }) if func_name == operators::INDEX => {
            match args.as_slice() {
                [root, IdedExpr { expr: Expr::Literal(LiteralValue::String(key)), .. }] => {
                    Some((ident(root)?, key.inner()))
                }
                _ => None,
            }
        }
        _ => None,
    }
}

fn ident(expr: &IdedExpr) -> Option<&str> {
    match &expr.expr {
        Expr::Ident(name) => Some(name),
        _ => None,
    }
}

/// The hardware id in `ecu["BCM"].version`.
pub(super) fn ecu_version_of(expr: &IdedExpr) -> Option<&str> {
    match &expr.expr {
        Expr::Select(SelectExpr { operand, field, test: false }) if field == "version" => {
            keyed(operand).filter(|(root, _)| *root == "ecu").map(|(_, hardware_id)| hardware_id)
        }
        _ => None,
    }
}
