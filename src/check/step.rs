//! The steps a script is made of, as they are written in YAML.

use std::collections::BTreeMap;

use serde::Deserialize;

/// One step; written as a map with one key, so that an error in it keeps its place.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// A program accepts its files; this criterion answers for them.
    Loads(Loads),
    /// A program runs; another criterion answers for it.
    Requires(Program),
    /// A script exposes a metric.
    Script(ScriptStep),
    /// An address answers over HTTP.
    Http(HttpStep),
    /// A query has an answer in time.
    Promql(Promql),
    /// There is an alerting rule of a kind.
    Rule(RuleStep),
    /// Alerts react to constant values as they should.
    Probe(Probe),
    /// Alerts could speak up at all.
    CanAlert(CanAlert),
    /// Messages come, or stay away, in a scenario.
    Messages(Messages),
    /// Prometheus has a target.
    Target(TargetStep),
    /// What Grafana shows.
    Grafana(GrafanaStep),
    /// Something on the machine that is watched.
    Ssh(SshStep),
    /// A Markdown document.
    Markdown(MarkdownStep),
    /// The lab's questions are answered.
    Answers(AnswersStep),
}

/// A program that reads files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Program {
    /// docker compose and its project.
    Compose,
    /// Prometheus and its configuration.
    Prometheus,
    /// Prometheus and its rule files.
    Rules,
    /// Alertmanager and its configuration.
    Alertmanager,
}

/// Which files must be accepted.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Loads {
    /// All of a program.
    Program(Program),
    /// The rules of one set of alerts.
    Rules {
        /// The set of alerts.
        rules: String,
        /// Also what belongs to no set of alerts.
        #[serde(default, rename = "also-unclaimed")]
        also_unclaimed: bool,
    },
    /// The container of a program can be made.
    Container {
        /// The program: `alertmanager` or `grafana`.
        container: String,
    },
}

/// A script that exposes a metric.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptStep {
    /// The metric.
    pub exposes: String,
}

/// An address that answers.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpStep {
    /// A page: `mock` or `node-exporter`.
    pub get: String,
    /// What must be on it.
    #[serde(default)]
    pub body: Option<HttpBody>,
}

/// What must be on a page of metrics.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpBody {
    /// A metric.
    pub sample: String,
    /// Bounds of its value.
    #[serde(default)]
    pub value: Option<Between>,
    /// How often it must change, a duration.
    #[serde(default)]
    pub changes: Option<String>,
}

/// Bounds, both included.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Between {
    /// Lower and upper bound.
    pub between: (f64, f64),
}

/// A query.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Promql {
    /// The expression.
    pub query: String,
    /// What its answer must be.
    pub expect: PromqlExpect,
    /// How long it may take until it is, a duration.
    pub within: String,
}

/// What an answer must be.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PromqlExpect {
    /// How many series.
    #[serde(default)]
    pub series: Option<AtLeast>,
    /// Bounds of every value.
    #[serde(default)]
    pub value: Option<Between>,
}

/// A lower bound.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AtLeast {
    /// The bound, included.
    pub at_least: f64,
}

/// There is a rule.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleStep {
    /// The set of alerts.
    pub of: String,
}

/// Alerts and constant values.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// The set of alerts.
    pub of: String,
    /// Values that metrics keep: numbers, or sums such as `"${mock.threshold} + 0.01"`.
    #[serde(deserialize_with = "super::amount::by_name")]
    pub when: BTreeMap<String, f64>,
    /// What must happen.
    pub expect: ProbeExpect,
    /// What is wanted, in words for a student.
    #[serde(default)]
    pub wanted: Option<String>,
    /// What to try when it does not happen.
    #[serde(default)]
    pub hint: Option<String>,
}

/// What alerts do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProbeExpect {
    /// At least one becomes active.
    Fires,
    /// None becomes active.
    Silent,
}

/// Alerts could speak up.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CanAlert {
    /// The set of alerts.
    pub of: String,
    /// The longest load to try, a duration.
    pub within: String,
    /// The criterion that answers for it when they can't.
    pub otherwise: String,
}

/// Messages in a scenario.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Messages {
    /// The set of alerts they are about.
    pub of: String,
    /// The scenario; `control` is the first one without load.
    #[serde(default)]
    pub scenario: Option<String>,
    /// Whether they tell of firing or resolved alerts.
    pub state: MessageState,
    /// How many at least.
    #[serde(default)]
    pub at_least: Option<u32>,
    /// Whether none may come.
    #[serde(default)]
    pub never: bool,
    /// From when they count, such as `long.start`.
    #[serde(default)]
    pub from: Option<String>,
    /// Until when, such as `long.end + 60s`.
    #[serde(default)]
    pub until: Option<String>,
    /// Only messages about alerts that were told firing before.
    #[serde(default)]
    pub after: Option<MessageState>,
    /// `review` instead of failing when another alert of the set behaves as asked.
    #[serde(default)]
    pub unless_another_behaves: Option<String>,
}

/// What a message tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageState {
    /// Something fires.
    Firing,
    /// Something is over.
    Resolved,
}

/// Prometheus has a target.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetStep {
    /// The port it must have.
    pub port: String,
}

/// What Grafana shows.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct GrafanaStep {
    /// Its data source leads to this program.
    #[serde(default)]
    pub reaches: Option<Program>,
    /// A panel shows this metric.
    #[serde(default)]
    pub panel_of: Option<String>,
    /// The dashboard of that panel refreshes this often, a duration.
    #[serde(default)]
    pub refresh: Option<String>,
    /// It shows this long, until now, a duration.
    #[serde(default)]
    pub range: Option<String>,
    /// The panel has a line.
    #[serde(default)]
    pub line: Option<Line>,
    /// The CPU's values are to be read during this phase.
    #[serde(default)]
    pub cpu_values_during: Option<String>,
}

/// A horizontal line.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Its height: a number, or a sum such as `"${mock.threshold} + 0.01"`.
    #[serde(deserialize_with = "super::amount::one")]
    pub at: f64,
    /// Its colour, `red`.
    pub colour: String,
}

/// Something on the machine that is watched.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SshStep {
    /// How busy its CPU must be, in percent.
    pub cpu_busy: AtLeast,
    /// During this phase.
    pub during: String,
}

/// A Markdown document.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct MarkdownStep {
    /// Which: `report` or `cheat-sheet`.
    pub find: String,
    /// How many words of its own.
    #[serde(default)]
    pub own_words: Option<AtLeast>,
    /// How many headings.
    #[serde(default)]
    pub headings: Option<AtLeast>,
    /// Words that must occur.
    #[serde(default)]
    pub mentions: Vec<String>,
    /// Commands that must occur.
    #[serde(default)]
    pub commands: Option<Commands>,
}

/// Words of one's own.
pub type OwnWords = AtLeast;

/// Commands in a document.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Commands {
    /// How many kinds at least.
    pub at_least: u32,
    /// A regular expression for each kind.
    pub of: Vec<String>,
}

/// The lab's questions are answered.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswersStep {
    /// Where: `report`.
    #[serde(rename = "in")]
    pub document: String,
}
