//! Alertmanager: configuration, routing, grouping, inhibition, silences, time intervals, notification log.
//!
//! Pure: [`Alertmanager`] is told the time and never asks for it. Facts: upstream source of 0.25 and 0.34, and
//! measurements with the real 0.25.

pub mod api;
pub mod config;
pub mod explain;
pub mod foresee;
pub mod interval;
pub mod routing;

mod alert;
mod inhibit;
mod machine;
mod matchers;
mod nflog;
mod notification;
pub mod notify;
mod output;
mod retry;
mod silence;
pub mod template;
mod version;

pub use alert::{Alert, Annotations, PostableAlert, message_order};
pub use machine::{Alertmanager, Options};
pub use matchers::{Names, parse_matchers};
pub use notification::{FrozenAlert, Notification, Reason, Status, common_of};
pub use output::{Delivery, DeliveryId, Event, GroupRef, Input, IntegrationRef, MutedBy, Outcome, Output};
pub use retry::is_tried_again;
pub use silence::{PostableSilence, Silence, SilenceError, SilenceState, Silences};
pub use version::Version;
