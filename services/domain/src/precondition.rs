//! CEL preconditions: written next.
