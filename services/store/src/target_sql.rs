//! Runs a target expression: its SQL condition inside a statement of ours, its params after ours. The
//! text is put together here and nowhere else, from parts that are compiled in.

use otaru_domain::target::{Param, Target};
use sqlx::postgres::PgArguments;
use sqlx::{Arguments as _, AssertSqlSafe};

use crate::StoreError;

/// A statement for `sqlx::query_with` and its siblings: `before (condition) after`, where the condition
/// is over the alias `v` of `vehicles`. `before` and `after` use the placeholders `$1` to
/// `$n` of `arguments`, which the target's params follow.
///
/// # Errors
/// [`StoreError::Database`] when a param cannot be encoded.
pub fn statement(
    before: &'static str,
    target: &Target,
    after: &'static str,
    mut arguments: PgArguments,
) -> Result<(AssertSqlSafe<String>, PgArguments), StoreError> {
    let condition = target.to_sql(arguments.len() + 1);
    bind_params(&mut arguments, &condition.params)?;
    Ok((AssertSqlSafe(format!("{before} {} {after}", condition.text)), arguments))
}

/// Appends `params` to `arguments`.
///
/// # Errors
/// [`StoreError::Database`] when a param cannot be encoded.
pub fn bind_params(arguments: &mut PgArguments, params: &[Param]) -> Result<(), StoreError> {
    for param in params {
        match param {
            Param::Text(text) => arguments.add(text),
            Param::Int(value) => arguments.add(value),
            Param::TextList(texts) => arguments.add(texts),
            Param::IntList(values) => arguments.add(values),
        }
        .map_err(|error| StoreError::Database(sqlx::Error::Encode(error)))?;
    }
    Ok(())
}
