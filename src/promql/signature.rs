//! The table of functions: names, argument types, results, since when. Used by the parser, the evaluator and advice.
//!
//! Facts: the function lists of Prometheus 2.42 (70 functions) and 3.11 (83), and the release notes between them.

use super::Dialect;
use super::ast::ValueType;

/// A release of Prometheus: major and minor.
pub type Release = (u16, u16);

/// What the parser must know of a function.
#[derive(Debug, PartialEq)]
pub struct Function {
    /// The name as written.
    pub name: &'static str,
    /// Types of the arguments.
    pub args: &'static [ValueType],
    /// 0: exactly `args`; n > 0: the last may be left out or given up to n times; -1: the last may be repeated or
    /// left out.
    pub variadic: i8,
    /// The type of the result.
    pub returns: ValueType,
    /// The first release that has it; what 2.42 has counts as 2.42.
    pub since: Release,
    /// The first release that no longer has it.
    pub removed: Option<Release>,
    /// Refused by a server that runs without the flag for experimental functions.
    pub experimental: bool,
}

impl Function {
    /// Whether a release knows the function (experimental or not).
    pub fn known_in(&self, release: Release) -> bool {
        self.since <= release && self.removed.is_none_or(|removed| release < removed)
    }

    /// The type of the argument at `index`, where the last one stands for its repetitions.
    pub fn arg_type(&self, index: usize) -> Option<ValueType> {
        self.args.get(index).or(self.args.last()).copied()
    }
}

/// The newest release that a dialect stands for.
pub fn release_of(dialect: Dialect) -> Release {
    match dialect {
        Dialect::V2_42 => (2, 42),
        Dialect::V3 => (3, 11),
    }
}

/// Finds a function that the dialect's newest release knows.
pub fn function(name: &str, dialect: Dialect) -> Option<&'static Function> {
    function_in(name, release_of(dialect))
}

/// Finds a function that a release knows.
pub fn function_in(name: &str, release: Release) -> Option<&'static Function> {
    any_function(name).filter(|f| f.known_in(release))
}

/// Finds a function of any release, for messages that say when it came or went.
pub fn any_function(name: &str) -> Option<&'static Function> {
    FUNCTIONS.binary_search_by(|f| f.name.cmp(name)).ok().map(|i| &FUNCTIONS[i])
}

/// Every function of every release, in order of name.
pub fn functions() -> &'static [Function] {
    FUNCTIONS
}

use ValueType::{Matrix as M, Scalar as S, String as T, Vector as V};

const fn stable(name: &'static str, args: &'static [ValueType], returns: ValueType) -> Function {
    Function { name, args, variadic: 0, returns, since: (2, 42), removed: None, experimental: false }
}

const fn optional(name: &'static str, args: &'static [ValueType], variadic: i8) -> Function {
    Function { variadic, ..stable(name, args, V) }
}

const fn newer(name: &'static str, args: &'static [ValueType], since: Release) -> Function {
    Function { since, ..stable(name, args, V) }
}

const fn experimental(name: &'static str, args: &'static [ValueType], variadic: i8, since: Release) -> Function {
    Function { variadic, since, experimental: true, ..stable(name, args, V) }
}

static FUNCTIONS: &[Function] = &[
    stable("abs", &[V], V),
    stable("absent", &[V], V),
    stable("absent_over_time", &[M], V),
    stable("acos", &[V], V),
    stable("acosh", &[V], V),
    stable("asin", &[V], V),
    stable("asinh", &[V], V),
    stable("atan", &[V], V),
    stable("atanh", &[V], V),
    stable("avg_over_time", &[M], V),
    stable("ceil", &[V], V),
    stable("changes", &[M], V),
    stable("clamp", &[V, S, S], V),
    stable("clamp_max", &[V, S], V),
    stable("clamp_min", &[V, S], V),
    stable("cos", &[V], V),
    stable("cosh", &[V], V),
    stable("count_over_time", &[M], V),
    optional("day_of_month", &[V], 1),
    optional("day_of_week", &[V], 1),
    optional("day_of_year", &[V], 1),
    optional("days_in_month", &[V], 1),
    stable("deg", &[V], V),
    stable("delta", &[M], V),
    stable("deriv", &[M], V),
    experimental("double_exponential_smoothing", &[M, S, S], 0, (3, 0)),
    stable("exp", &[V], V),
    experimental("first_over_time", &[M], 0, (3, 7)),
    stable("floor", &[V], V),
    newer("histogram_avg", &[V], (2, 51)),
    stable("histogram_count", &[V], V),
    stable("histogram_fraction", &[S, S, V], V),
    stable("histogram_quantile", &[S, V], V),
    experimental("histogram_quantiles", &[V, T, S, S], 9, (3, 11)),
    newer("histogram_stddev", &[V], (2, 47)),
    newer("histogram_stdvar", &[V], (2, 47)),
    stable("histogram_sum", &[V], V),
    Function { removed: Some((3, 0)), ..stable("holt_winters", &[M, S, S], V) },
    optional("hour", &[V], 1),
    stable("idelta", &[M], V),
    stable("increase", &[M], V),
    experimental("info", &[V, V], 1, (3, 0)),
    stable("irate", &[M], V),
    optional("label_join", &[V, T, T, T], -1),
    stable("label_replace", &[V, T, T, T, T], V),
    stable("last_over_time", &[M], V),
    stable("ln", &[V], V),
    stable("log10", &[V], V),
    stable("log2", &[V], V),
    experimental("mad_over_time", &[M], 0, (2, 49)),
    stable("max_over_time", &[M], V),
    stable("min_over_time", &[M], V),
    optional("minute", &[V], 1),
    optional("month", &[V], 1),
    stable("pi", &[], S),
    stable("predict_linear", &[M, S], V),
    stable("present_over_time", &[M], V),
    stable("quantile_over_time", &[S, M], V),
    stable("rad", &[V], V),
    stable("rate", &[M], V),
    stable("resets", &[M], V),
    optional("round", &[V, S], 1),
    stable("scalar", &[V], S),
    stable("sgn", &[V], V),
    stable("sin", &[V], V),
    stable("sinh", &[V], V),
    stable("sort", &[V], V),
    experimental("sort_by_label", &[V, T], -1, (2, 49)),
    experimental("sort_by_label_desc", &[V, T], -1, (2, 49)),
    stable("sort_desc", &[V], V),
    stable("sqrt", &[V], V),
    stable("stddev_over_time", &[M], V),
    stable("stdvar_over_time", &[M], V),
    stable("sum_over_time", &[M], V),
    stable("tan", &[V], V),
    stable("tanh", &[V], V),
    stable("time", &[], S),
    stable("timestamp", &[V], V),
    experimental("ts_of_first_over_time", &[M], 0, (3, 7)),
    experimental("ts_of_last_over_time", &[M], 0, (3, 5)),
    experimental("ts_of_max_over_time", &[M], 0, (3, 5)),
    experimental("ts_of_min_over_time", &[M], 0, (3, 5)),
    stable("vector", &[S], V),
    optional("year", &[V], 1),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_so_that_binary_search_finds_all() {
        assert!(FUNCTIONS.windows(2).all(|w| w[0].name < w[1].name));
        assert!(FUNCTIONS.iter().all(|f| any_function(f.name).is_some_and(|g| g.name == f.name)));
    }

    #[test]
    fn each_dialect_has_its_number_of_functions() {
        let count = |dialect| FUNCTIONS.iter().filter(|f| function(f.name, dialect).is_some()).count();
        assert_eq!(count(Dialect::V2_42), 70);
        assert_eq!(count(Dialect::V3), 83);
    }

    #[test]
    fn holt_winters_went_when_its_new_name_came() {
        assert!(function("holt_winters", Dialect::V2_42).is_some());
        assert!(function("holt_winters", Dialect::V3).is_none());
        assert!(function("double_exponential_smoothing", Dialect::V2_42).is_none());
        assert!(function("double_exponential_smoothing", Dialect::V3).is_some_and(|f| f.experimental));
    }
}
