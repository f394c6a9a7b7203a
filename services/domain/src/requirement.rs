//! What an image asks of the vehicle it is installed on: versions of its own ECU, and of others. Checked when a
//! campaign takes its vehicles, and again by the vehicle, from the signed metadata.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use utoipa::ToSchema;

use crate::id::HardwareId;
use crate::version::{MAX_VERSION_BYTES, sort_key};

/// The most requirements of an image.
pub const MAX_REQUIREMENTS: usize = 32;
/// The most bounds of a range.
const MAX_BOUNDS: usize = 8;

/// What must run on an ECU. On the ECU that the image is for it is about the version before; on another one about the
/// version after the update, which the same release may bring.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    pub hardware_id: HardwareId,
    /// Versions that will do: bounds that must all hold, such as `>=2.1, <3`. Versions compare by meaning.
    #[schema(value_type = String, example = ">=2.1, <3", max_length = 600)]
    pub versions: VersionRange,
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.hardware_id, self.versions)
    }
}

/// Bounds that must all hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VersionRange {
    source: String,
    bounds: Vec<Bound>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Bound {
    operator: Operator,
    key: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    GreaterOrEqual,
    LessOrEqual,
    NotEqual,
    Greater,
    Less,
    Equal,
}

impl Operator {
    /// Longer ones first, so that `>=` is not read as `>`.
    const ALL: [Self; 6] =
        [Self::GreaterOrEqual, Self::LessOrEqual, Self::NotEqual, Self::Greater, Self::Less, Self::Equal];

    fn as_str(self) -> &'static str {
        match self {
            Self::GreaterOrEqual => ">=",
            Self::LessOrEqual => "<=",
            Self::NotEqual => "!=",
            Self::Greater => ">",
            Self::Less => "<",
            Self::Equal => "=",
        }
    }

    fn holds(self, key: &str, bound: &str) -> bool {
        match self {
            Self::GreaterOrEqual => key >= bound,
            Self::LessOrEqual => key <= bound,
            Self::NotEqual => key != bound,
            Self::Greater => key > bound,
            Self::Less => key < bound,
            Self::Equal => key == bound,
        }
    }
}

/// Why a text is no range.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RangeError {
    #[error("{0:?} is no bound: write >=, >, <=, <, = or != and a version, such as \">=2.1, <3\"")]
    Bound(String),
    #[error("a range has 1 to {MAX_BOUNDS} bounds")]
    Count,
    #[error("no version is within {0:?}")]
    Empty(String),
}

impl VersionRange {
    /// Reads bounds with commas between them.
    ///
    /// # Errors
    /// [`RangeError`] naming what is not understood, or that nothing could ever be within it.
    pub fn parse(source: &str) -> Result<Self, RangeError> {
        let bounds = source.split(',').map(|part| bound(part.trim())).collect::<Result<Vec<_>, _>>()?;
        if bounds.len() > MAX_BOUNDS {
            return Err(RangeError::Count);
        }
        let range = Self { source: source.trim().to_owned(), bounds };
        if range.is_empty() { Err(RangeError::Empty(range.source)) } else { Ok(range) }
    }

    /// Whether `version` is within all bounds.
    #[must_use]
    pub fn contains(&self, version: &str) -> bool {
        self.contains_key(&sort_key(version))
    }

    fn contains_key(&self, key: &str) -> bool {
        self.bounds.iter().all(|bound| bound.operator.holds(key, &bound.key))
    }

    /// The bounds as operators and versions' sort keys, for SQL.
    #[must_use]
    pub fn bounds(&self) -> (Vec<&'static str>, Vec<&str>) {
        self.bounds.iter().map(|bound| (bound.operator.as_str(), bound.key.as_str())).unzip()
    }

    /// Whether bounds contradict each other. Between two different versions there is always a third one.
    fn is_empty(&self) -> bool {
        let keys = |operators: [Operator; 3]| {
            self.bounds.iter().filter(move |bound| operators.contains(&bound.operator)).map(|bound| &bound.key)
        };
        let least = keys([Operator::GreaterOrEqual, Operator::Greater, Operator::Equal]).max();
        let most = keys([Operator::LessOrEqual, Operator::Less, Operator::Equal]).min();
        match (least, most) {
            (Some(least), Some(most)) if least == most => !self.contains_key(least),
            (Some(least), Some(most)) => least > most,
            _ => false,
        }
    }
}

fn bound(text: &str) -> Result<Bound, RangeError> {
    let wrong = || RangeError::Bound(text.chars().take(80).collect());
    let operator = Operator::ALL.into_iter().find(|operator| text.starts_with(operator.as_str())).ok_or_else(wrong)?;
    let version = text[operator.as_str().len()..].trim();
    let plain = version.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>=!".contains(&byte));
    if version.is_empty() || !plain || version.len() > MAX_VERSION_BYTES {
        return Err(wrong());
    }
    Ok(Bound { operator, key: sort_key(version) })
}

impl fmt::Display for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

impl TryFrom<String> for VersionRange {
    type Error = RangeError;

    fn try_from(source: String) -> Result<Self, RangeError> {
        Self::parse(&source)
    }
}

impl From<VersionRange> for String {
    fn from(range: VersionRange) -> Self {
        range.source
    }
}

/// The first requirement of the image for `own` that is not met: `before` tells what an ECU runs, `after` what the
/// release brings to it. An ECU that runs nothing known meets none, and one that runs the image has met its own.
#[must_use]
pub fn unmet<'r, 'v>(
    requires: &'r [Requirement],
    own: &HardwareId,
    before: impl Fn(&HardwareId) -> Option<&'v str>,
    after: impl Fn(&HardwareId) -> Option<&'v str>,
) -> Option<&'r Requirement> {
    let there = before(own).is_some() && before(own) == after(own);
    requires.iter().find(|requirement| {
        let ecu = &requirement.hardware_id;
        let version = if ecu == own { before(ecu) } else { after(ecu).or_else(|| before(ecu)) };
        !(ecu == own && there || version.is_some_and(|version| requirement.versions.contains(version)))
    })
}
