//! CEL targeting.
