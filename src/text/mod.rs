//! Source text, spans and diagnostics: what is wrong in a student's file, where, why, and how to mend it.
//!
//! Pure: it is handed text, never a path to open.

mod diagnostic;
mod mask;
mod printable;
mod render;
mod secret;
mod source;

pub use diagnostic::{Diagnostic, Label, Severity};
pub use mask::mask_secrets;
pub use printable::{printable, shown};
pub use render::render;
pub use secret::masked_url;
pub use source::{Position, SourceText, Span};
