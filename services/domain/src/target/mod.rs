//! Targeting: which vehicles a campaign is for, written in CEL and answered by Postgres, so that a
//! target over ten million vehicles is one statement and not a loop. What does not translate is
//! refused when it is written, with its place; nothing the author wrote ever becomes SQL text.
//!
//! # What is unknown
//! A vehicle may have no region, no such attribute, no such ECU. CEL calls reading it an error, which
//! `&&` and `||` absorb where the other side decides; SQL calls it NULL, with the same rules. Both are
//! "unknown" here: a comparison with something unknown, `!=` included, is unknown, `!` of unknown is
//! unknown, and a vehicle for which the whole is unknown is *not* targeted. So `region != "EU"`
//! leaves out vehicles without a region, and so does `!(region == "EU")`; `has(attributes.x)`,
//! `"x" in attributes` and `"BCM" in ecu` ask whether there is something, and are never unknown.
//!
//! # Groups
//! `"winter-testers" in groups` asks for a saved group and is never unknown. A group is a list of vehicles, or an
//! expression that [`Target::expand`] puts in its place: what is unknown there is outside of the group.
//!
//! # Versions
//! `ecu["BCM"].version` compares by meaning ([`crate::version`]): `"2.10"` is newer than `"2.9"`, and
//! `"2.3"` equals `"2.3.0"`. Texts compare by code point, everywhere.

mod expr;
mod parse;
mod reference;
mod sql;

use std::collections::{BTreeMap, BTreeSet};

use cel::IdedExpr;

pub use crate::expression::ExpressionError as TargetError;
pub use reference::VehicleFacts;
pub use sql::{Param, Sql};

use crate::id::GroupId;
use expr::Condition;

/// A target expression that has been checked.
#[derive(Debug, Clone)]
pub struct Target {
    source: String,
    condition: Condition,
    /// As CEL's own interpreter takes it, with versions as sort keys.
    reference: IdedExpr,
}

impl Target {
    /// Reads and checks `source`.
    ///
    /// # Errors
    /// [`TargetError`] naming what is not supported, what is, and where it stands.
    pub fn parse(source: &str) -> Result<Self, TargetError> {
        let (condition, reference) = parse::parse(source)?;
        Ok(Self { source: source.to_owned(), condition, reference })
    }

    /// What the author wrote.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The groups it names.
    #[must_use]
    pub fn groups(&self) -> BTreeSet<GroupId> {
        let mut groups = BTreeSet::new();
        self.condition.groups(&mut groups);
        groups
    }

    /// Puts what each of the `dynamic` groups stands for in its place in the SQL; the others are lists.
    pub fn expand(&mut self, dynamic: &BTreeMap<GroupId, Target>) {
        let conditions = dynamic.iter().map(|(id, target)| (id.clone(), target.condition.clone())).collect();
        self.condition.expand(&conditions);
    }

    /// A boolean SQL expression over the alias `v` of the table `vehicles`. Its text consists of fixed
    /// fragments and the placeholders `$first_param`, `$first_param + 1`, …, one for each of its params.
    #[must_use]
    pub fn to_sql(&self, first_param: usize) -> Sql {
        sql::render(&self.condition, first_param)
    }

    /// Whether the target selects `vehicle`, by CEL's interpreter.
    #[must_use]
    pub fn matches(&self, vehicle: &VehicleFacts) -> bool {
        reference::holds(&self.reference, vehicle)
    }
}
