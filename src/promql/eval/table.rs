//! The evaluator's vectors over time: rows of labels, one cell a step, absent cells included.

use std::sync::Arc;

use crate::model::{FloatHistogram, Labels, STALE_NAN_BITS};

/// The bits of a cell that holds nothing. No arithmetic yields them, and selectors never let them in.
const ABSENT: u64 = STALE_NAN_BITS;
/// The bits of a cell whose value is a histogram.
const HISTOGRAM: u64 = STALE_NAN_BITS + 1;

/// A cell that holds nothing.
pub(crate) const NOTHING: f64 = f64::from_bits(ABSENT);

/// Whether a cell holds nothing.
#[inline]
pub(crate) fn is_absent(cell: f64) -> bool {
    cell.to_bits() == ABSENT
}

/// Whether a cell holds a number.
#[inline]
pub(crate) fn is_float(cell: f64) -> bool {
    cell.to_bits() | 1 != HISTOGRAM
}

/// Whether a cell says "histogram".
#[inline]
pub(crate) fn is_histogram(cell: f64) -> bool {
    cell.to_bits() == HISTOGRAM
}

/// A row's labels.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub labels: Labels,
    /// The name is still there, but goes at the end of the query (delayed name removal).
    pub drop_name: bool,
}

/// The rows of a table, shared; equal pointers mean that what was worked out for them still holds.
pub(crate) type Rows = Arc<[Row]>;

/// One value.
#[derive(Clone, Debug)]
pub(crate) enum Cell {
    Nothing,
    Float(f64),
    Histogram(Arc<FloatHistogram>),
}

/// An instant vector at every step of a grid.
#[derive(Debug)]
pub(crate) struct Table {
    pub rows: Rows,
    pub steps: usize,
    /// Row by row.
    pub cells: Vec<f64>,
    /// As long as `cells`, or empty when no cell is a histogram.
    pub histograms: Vec<Option<Arc<FloatHistogram>>>,
    /// With one step: the order of the vector, where it is not that of the rows.
    pub order: Option<Vec<u32>>,
}

impl Table {
    pub fn new(rows: Rows, steps: usize, cells: Vec<f64>) -> Self {
        debug_assert_eq!(cells.len(), rows.len() * steps);
        Self { rows, steps, cells, histograms: Vec::new(), order: None }
    }

    pub fn row(&self, row: usize) -> &[f64] {
        &self.cells[row * self.steps..(row + 1) * self.steps]
    }

    pub fn has_histograms(&self) -> bool {
        !self.histograms.is_empty()
    }

    pub fn histogram(&self, index: usize) -> Option<&Arc<FloatHistogram>> {
        self.histograms.get(index).and_then(Option::as_ref)
    }

    pub fn cell(&self, index: usize) -> Cell {
        let cell = self.cells[index];
        if is_float(cell) {
            Cell::Float(cell)
        } else {
            self.histogram(index).map_or(Cell::Nothing, |h| Cell::Histogram(h.clone()))
        }
    }

    pub fn set(&mut self, index: usize, cell: Cell) {
        match cell {
            Cell::Nothing => self.clear(index),
            Cell::Float(v) => {
                self.cells[index] = v;
                if let Some(h) = self.histograms.get_mut(index) {
                    *h = None;
                }
            }
            Cell::Histogram(h) => {
                if self.histograms.is_empty() {
                    self.histograms.resize(self.cells.len(), None);
                }
                self.cells[index] = f64::from_bits(HISTOGRAM);
                self.histograms[index] = Some(h);
            }
        }
    }

    pub fn clear(&mut self, index: usize) {
        self.cells[index] = NOTHING;
        if let Some(h) = self.histograms.get_mut(index) {
            *h = None;
        }
    }

    /// The rows in the vector's order.
    pub fn row_order(&self) -> RowOrder<'_> {
        match &self.order {
            Some(order) => RowOrder::Listed(order.iter()),
            None => RowOrder::Plain(0..self.rows.len()),
        }
    }

    /// How many samples it holds, a histogram counted by its size.
    pub fn count_samples(&self) -> usize {
        let present = self.cells.iter().filter(|c| !is_absent(**c)).count();
        let extra: usize = self.histograms.iter().flatten().map(|h| h.sample_size() - 1).sum();
        present + extra
    }

    /// Whether a row holds anything.
    pub fn row_is_empty(&self, row: usize) -> bool {
        self.row(row).iter().all(|c| is_absent(*c))
    }
}

/// Row numbers in the vector's order.
pub(crate) enum RowOrder<'a> {
    Plain(std::ops::Range<usize>),
    Listed(std::slice::Iter<'a, u32>),
}

impl Iterator for RowOrder<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        match self {
            Self::Plain(range) => range.next(),
            Self::Listed(list) => list.next().map(|r| *r as usize),
        }
    }
}

/// What a node evaluates to.
#[derive(Debug)]
pub(crate) enum Output {
    /// One number a step.
    Scalar(Vec<f64>),
    Vector(Table),
    Text(Arc<str>),
}

/// The steps of an evaluation, Unix times in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Grid {
    pub start: i64,
    pub step: i64,
    pub steps: usize,
}

impl Grid {
    pub fn time(&self, step: usize) -> i64 {
        self.start.saturating_add(self.step.saturating_mul(step as i64))
    }

    pub fn last(&self) -> i64 {
        self.time(self.steps.saturating_sub(1))
    }

    pub fn first_only(&self) -> Self {
        Self { steps: self.steps.min(1), ..*self }
    }
}
