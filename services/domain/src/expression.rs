//! What targeting and preconditions share: reading CEL that a stranger wrote. Deep nesting overflows a
//! thread's usual stack and would abort the process, so sources are short and parsed on a thread with a
//! stack of its own; whatever is refused comes with the place where it stands.

use std::thread;

use cel::common::ast::{CallExpr, Expr, IdedExpr, SourceInfo, operators};
use cel::parser::Parser;
use thiserror::Error;

/// The longest source, in bytes.
pub const MAX_SOURCE_BYTES: usize = 4096;
/// How deep conditions may nest.
pub(crate) const MAX_DEPTH: usize = 32;
/// Enough for whatever fits into [`MAX_SOURCE_BYTES`].
const PARSER_STACK_BYTES: usize = 16 * 1024 * 1024;

/// Why an expression is refused, and where.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message} (at byte {position})")]
pub struct ExpressionError {
    /// What is wrong and what is supported, for the person who wrote it.
    pub message: String,
    /// The byte in the source at which the trouble begins, from 0.
    pub position: usize,
}

impl ExpressionError {
    pub(crate) fn new(message: impl Into<String>, position: usize) -> Self {
        Self { message: message.into(), position }
    }
}

/// Parses `source` and gives the result to `convert`, on the parser's thread: what is deeply nested is
/// dropped there, too.
pub(crate) fn parse<T: Send>(
    source: &str,
    convert: impl FnOnce(IdedExpr, &SourceInfo) -> Result<T, ExpressionError> + Send,
) -> Result<T, ExpressionError> {
    check_text(source)?;
    let failed = || ExpressionError::new("the expression cannot be parsed", 0);
    thread::scope(|scope| {
        thread::Builder::new()
            .name("cel-parser".to_owned())
            .stack_size(PARSER_STACK_BYTES)
            .spawn_scoped(scope, || parse_here(source).and_then(|(expr, info)| convert(expr, &info)))
            .map_err(|_| ExpressionError::new("the system has no thread left to parse with: try again", 0))?
            .join()
            .unwrap_or_else(|_| Err(failed()))
    })
}

/// Parses on this thread; only for use within [`parse`].
pub(crate) fn parse_here(source: &str) -> Result<(IdedExpr, SourceInfo), ExpressionError> {
    Parser::new().parse_with_source_info(source).map_err(|errors| {
        let Some(first) = errors.errors.into_iter().next() else {
            return ExpressionError::new("not a CEL expression", 0);
        };
        // The parser's own limit on nesting is the one error that it reports without a place.
        let Some(position) = position_of(source, first.pos) else {
            return ExpressionError::new("the expression is nested too deeply", 0);
        };
        let reason = first.msg.strip_prefix("Syntax error: ").unwrap_or(&first.msg);
        let reason = reason.split(" expecting ").next().unwrap_or(reason);
        ExpressionError::new(format!("not a CEL expression: {reason}"), position)
    })
}

fn check_text(source: &str) -> Result<(), ExpressionError> {
    if source.len() > MAX_SOURCE_BYTES {
        return Err(ExpressionError::new(
            format!("the expression has {} bytes, {MAX_SOURCE_BYTES} are allowed", source.len()),
            MAX_SOURCE_BYTES,
        ));
    }
    if source.trim().is_empty() {
        return Err(ExpressionError::new("the expression is empty: write `true` for one that always holds", 0));
    }
    match source.find('\0') {
        Some(position) => Err(ExpressionError::new("NUL characters are not allowed", position)),
        None => Ok(()),
    }
}

/// The byte at a line and column, both from 1; columns count characters.
fn position_of(source: &str, (line, column): (isize, isize)) -> Option<usize> {
    let (line, column) = (usize::try_from(line).ok()?.checked_sub(1)?, usize::try_from(column).ok()?.checked_sub(1)?);
    let start: usize = source.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = &source[start..];
    Some(start + rest.char_indices().nth(column).map_or(rest.len(), |(offset, _)| offset))
}

/// Where `expr` begins. The parser places an operator or a selection at its sign, so this looks for
/// what stands leftmost.
pub(crate) fn start_of(expr: &IdedExpr, info: &SourceInfo) -> usize {
    let leftmost = match &expr.expr {
        Expr::Select(select) if !select.test => Some(&*select.operand),
        Expr::Call(CallExpr { target: Some(target), .. }) => Some(&**target),
        Expr::Call(CallExpr { func_name, args, .. }) if is_infix(func_name) => args.first(),
        _ => None,
    };
    let own = offset_of(expr, info);
    match (&expr.expr, leftmost) {
        (_, Some(leftmost)) => start_of(leftmost, info).min(own),
        (Expr::Comprehension(loop_over), _) => start_of(&loop_over.iter_range, info).min(own),
        (Expr::Call(call), _) => name_before(&call.func_name, own, &info.source),
        (Expr::Select(_), _) => name_before(operators::HAS, own, &info.source),
        _ => own,
    }
}

/// A call is placed at its parenthesis; this is where its name begins.
fn name_before(name: &str, parenthesis: usize, source: &str) -> usize {
    let before = source.get(..parenthesis).unwrap_or_default().trim_end();
    before.strip_suffix(name).map_or(parenthesis, str::len)
}

/// Where the parser placed `expr`: at its operator, if it has one.
pub(crate) fn offset_of(expr: &IdedExpr, info: &SourceInfo) -> usize {
    info.offset_for(expr.id).map_or(0, |(start, _)| start as usize)
}

fn is_infix(function: &str) -> bool {
    function == operators::INDEX || function == operators::IN || (function.starts_with('_') && function.ends_with('_'))
}
