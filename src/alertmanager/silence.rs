//! Silences: making, changing, ending, matching.
//!
//! Facts: upstream `silence`, measured with the API of 0.25.

use std::sync::Arc;

use crate::model::{Matcher, Time};

/// A silence as a client posts it.
#[derive(Clone, Debug)]
pub struct PostableSilence {
    /// The one to change; none: a new one.
    pub id: Option<Arc<str>>,
    /// All must hold.
    pub matchers: Vec<Matcher>,
    /// When it begins; a start in the past means now.
    pub starts_at: Time,
    /// When it ends.
    pub ends_at: Time,
    /// Who made it.
    pub created_by: Arc<str>,
    /// Why.
    pub comment: Arc<str>,
}
