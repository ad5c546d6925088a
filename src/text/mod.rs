//! Source text, spans and diagnostics: what is wrong in a student's file, where, why, and how to mend it.
//!
//! Pure: it is handed text, never a path to open.

mod diagnostic;
mod secret;
mod source;

pub use diagnostic::{Diagnostic, Label, Severity};
pub use secret::masked_url;
pub use source::{Position, SourceText, Span};
