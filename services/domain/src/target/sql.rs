//! From a checked condition to parameterised SQL.

use super::expr::{Comparison, Condition, List, Operand, Part};

/// A boolean SQL expression and what its placeholders stand for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sql {
    pub text: String,
    /// In the order of the placeholders, without gaps.
    pub params: Vec<Param>,
}

/// A value to bind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Param {
    /// `text`
    Text(String),
    /// `bigint`
    Int(i64),
    /// `text[]`
    TextList(Vec<String>),
    /// `bigint[]`
    IntList(Vec<i64>),
}

pub(super) fn render(condition: &Condition, first_param: usize) -> Sql {
    let mut writer = Writer { text: String::new(), params: Vec::new(), first_param };
    writer.condition(condition);
    Sql { text: writer.text, params: writer.params }
}

struct Writer {
    text: String,
    params: Vec<Param>,
    first_param: usize,
}

impl Writer {
    /// Only what is compiled in gets into the text.
    fn push(&mut self, fragment: &'static str) {
        self.text.push_str(fragment);
    }

    fn bind(&mut self, param: Param) {
        let number = self.first_param + self.params.len();
        let sql_type = match param {
            Param::Text(_) => "text",
            Param::Int(_) => "bigint",
            Param::TextList(_) => "text[]",
            Param::IntList(_) => "bigint[]",
        };
        self.text.push_str(&format!("${number}::{sql_type}"));
        self.params.push(param);
    }

    fn condition(&mut self, condition: &Condition) {
        self.push("(");
        match condition {
            Condition::Constant(true) => self.push("TRUE"),
            Condition::Constant(false) => self.push("FALSE"),
            Condition::And(left, right) => {
                self.condition(left);
                self.push(" AND ");
                self.condition(right);
            }
            Condition::Or(left, right) => {
                self.condition(left);
                self.push(" OR ");
                self.condition(right);
            }
            Condition::Not(negated) => {
                self.push("NOT ");
                self.condition(negated);
            }
            Condition::Compare { left, comparison, right } => self.compare(left, *comparison, right),
            Condition::OneOf { operand, list } => self.one_of(operand, list),
            Condition::Matches { operand, part, text } => self.matches(operand, *part, text),
            Condition::Tagged(tag) => {
                self.bind(Param::Text(tag.clone()));
                self.push(" = ANY (v.tags)");
            }
            Condition::HasAttribute(name) => {
                self.push("v.attributes ? ");
                self.bind(Param::Text(name.clone()));
            }
            Condition::HasEcu(hardware_id) => {
                self.push("EXISTS (SELECT 1 FROM vehicle_ecus target_ecu WHERE target_ecu.vehicle_id = v.id AND target_ecu.hardware_id = ");
                self.bind(Param::Text(hardware_id.clone()));
                self.push(")");
            }
            Condition::InGroup(id) => {
                self.push("EXISTS (SELECT 1 FROM group_vehicles target_group WHERE target_group.vehicle_id = v.id AND target_group.group_id = ");
                self.bind(Param::Text(id.to_string()));
                self.push(")");
            }
            Condition::Known(inner) => {
                self.condition(inner);
                self.push(" IS TRUE");
            }
        }
        self.push(")");
    }

    fn compare(&mut self, left: &Operand, comparison: Comparison, right: &Operand) {
        self.operand(left);
        // Code points order like the bytes of UTF-8, whatever the database's own collation is. Equality
        // goes without: it is the same in all of them, and an index on the column stays usable.
        if comparison.is_ordering() && left.kind() != super::expr::Kind::Int {
            self.push(" COLLATE \"C\"");
        }
        self.push(match comparison {
            Comparison::Equal => " = ",
            Comparison::NotEqual => " <> ",
            Comparison::Less => " < ",
            Comparison::LessOrEqual => " <= ",
            Comparison::Greater => " > ",
            Comparison::GreaterOrEqual => " >= ",
        });
        self.operand(right);
    }

    fn one_of(&mut self, operand: &Operand, list: &List) {
        let (param, empty) = match list {
            List::Ints(ints) => (Param::IntList(ints.clone()), ints.is_empty()),
            List::Texts(texts) => (Param::TextList(texts.clone()), texts.is_empty()),
        };
        if empty {
            // NULL = ANY ('{}') is false in SQL; something unknown in an empty list is unknown in CEL.
            self.push("NULLIF(");
            self.operand(operand);
            self.push(" IS NULL, TRUE)");
        } else {
            self.operand(operand);
            self.push(" = ANY (");
            self.bind(param);
            self.push(")");
        }
    }

    /// No LIKE: its wildcards would have to be escaped.
    fn matches(&mut self, operand: &Operand, part: Part, text: &str) {
        let param = Param::Text(text.to_owned());
        self.push(match part {
            Part::Start => "starts_with(",
            Part::End => "right(",
            Part::Anywhere => "strpos(",
        });
        self.operand(operand);
        self.push(", ");
        match part {
            Part::Start => {
                self.bind(param);
                self.push(")");
            }
            Part::End => {
                self.push("length(");
                self.bind(param.clone());
                self.push(")) = ");
                self.bind(param);
            }
            Part::Anywhere => {
                self.bind(param);
                self.push(") > 0");
            }
        }
    }

    fn operand(&mut self, operand: &Operand) {
        match operand {
            Operand::Int(value) => self.bind(Param::Int(*value)),
            Operand::Text(text) | Operand::Version(text) => self.bind(Param::Text(text.clone())),
            Operand::ModelYear => self.push("v.model_year"),
            Operand::Vin => self.push("v.vin"),
            Operand::Model => self.push("v.model_id"),
            Operand::Region => self.push("v.region"),
            Operand::Attribute(name) => {
                self.push("(v.attributes ->> ");
                self.bind(Param::Text(name.clone()));
                self.push(")");
            }
            Operand::EcuVersion(hardware_id) => {
                self.push("(SELECT target_ecu.version_key FROM vehicle_ecus target_ecu WHERE target_ecu.vehicle_id = v.id AND target_ecu.hardware_id = ");
                self.bind(Param::Text(hardware_id.clone()));
                self.push(")");
            }
        }
    }
}
