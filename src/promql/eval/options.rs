//! How a query is evaluated.

use crate::promql::Dialect;
use crate::promql::signature::{Release, release_of};

/// How a query is evaluated; the defaults are those of a stock server.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Whose rules hold.
    pub dialect: Dialect,
    /// The release, which tells native histograms apart within dialect 3; a dialect's newest unless an image tag says
    /// otherwise.
    pub release: Release,
    /// How far back an instant selector looks, in ms (5 minutes).
    pub lookback: i64,
    /// How many samples a query may hold at once (50 million; promtool and the upstream scripts: 10,000).
    pub max_samples: usize,
    /// The step of a subquery that gives none, in ms: the global evaluation interval (1 minute).
    pub default_step: i64,
    /// Whether metric names are removed only at the end of the query (dialect 3, off in a stock server).
    pub delayed_name_removal: bool,
    /// Whether selectors give series in order of labels, as the storage of a 2.42 server does; otherwise, as in later
    /// servers and in promtool, in order of creation.
    pub in_label_order: bool,
    /// How many elementary steps a query may take; a guard against hostile queries, in place of a timeout.
    pub budget: u64,
}

impl Options {
    /// A stock server's settings.
    pub fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            release: release_of(dialect),
            lookback: 5 * 60 * 1000,
            max_samples: 50_000_000,
            default_step: 60 * 1000,
            delayed_name_removal: false,
            in_label_order: dialect == Dialect::V2_42,
            budget: 4_000_000_000,
        }
    }

    /// The settings of promtool's rule tests and of the upstream scripts: 10,000 samples, series as they were created.
    pub fn small(dialect: Dialect) -> Self {
        Self { max_samples: 10_000, in_label_order: false, ..Self::new(dialect) }
    }
}
