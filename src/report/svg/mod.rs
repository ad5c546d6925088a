//! Pictures as SVG: self-contained, readable on light and dark pages, without scripts.

mod axis;
mod timeline;

pub use axis::clock;
pub use timeline::render as timeline;
