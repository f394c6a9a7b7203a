//! The checked form of a target expression: only what both Postgres and CEL understand in the same way,
//! with each operand's type known.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::id::GroupId;

/// What holds, does not hold, or is unknown for a vehicle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Condition {
    Constant(bool),
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
    Not(Box<Condition>),
    Compare {
        left: Operand,
        comparison: Comparison,
        right: Operand,
    },
    OneOf {
        operand: Operand,
        list: List,
    },
    Matches {
        operand: Operand,
        part: Part,
        text: String,
    },
    /// The tag is among the vehicle's.
    Tagged(String),
    /// The vehicle has the attribute.
    HasAttribute(String),
    /// The vehicle has the ECU.
    HasEcu(String),
    /// The vehicle is on the group's list.
    InGroup(GroupId),
    /// Holds, or does not: what is unknown does not hold. What a dynamic group stands for.
    Known(Box<Condition>),
}

impl Condition {
    /// Adds the groups it names.
    pub(super) fn groups(&self, into: &mut BTreeSet<GroupId>) {
        match self {
            Self::InGroup(id) => {
                into.insert(id.clone());
            }
            Self::And(left, right) | Self::Or(left, right) => {
                left.groups(into);
                right.groups(into);
            }
            Self::Not(inner) | Self::Known(inner) => inner.groups(into),
            _ => {}
        }
    }

    /// Puts what each of the `dynamic` groups stands for in its place.
    pub(super) fn expand(&mut self, dynamic: &BTreeMap<GroupId, Condition>) {
        match self {
            Self::InGroup(id) => {
                if let Some(condition) = dynamic.get(id) {
                    *self = Self::Known(Box::new(condition.clone()));
                }
            }
            Self::And(left, right) | Self::Or(left, right) => {
                left.expand(dynamic);
                right.expand(dynamic);
            }
            Self::Not(inner) => inner.expand(dynamic),
            _ => {}
        }
    }
}

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Operand {
    Int(i64),
    Text(String),
    /// A version as its sort key.
    Version(String),
    ModelYear,
    Vin,
    Model,
    Region,
    Attribute(String),
    EcuVersion(String),
}

/// What an operand is; only like compares with like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Int,
    Text,
    Version,
}

impl Operand {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Int(_) | Self::ModelYear => Kind::Int,
            Self::Text(_) | Self::Vin | Self::Model | Self::Region | Self::Attribute(_) => Kind::Text,
            Self::Version(_) | Self::EcuVersion(_) => Kind::Version,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Int => "a whole number",
            Self::Text => "a text",
            Self::Version => "a version",
        })
    }
}

/// The literals that an operand may be one of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum List {
    Ints(Vec<i64>),
    /// Texts, or versions as their sort keys.
    Texts(Vec<String>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    /// Whether the order of texts, and so the collation, matters.
    pub(super) fn is_ordering(self) -> bool {
        !matches!(self, Self::Equal | Self::NotEqual)
    }
}

/// Which part of a text must be the given one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Start,
    End,
    Anywhere,
}
