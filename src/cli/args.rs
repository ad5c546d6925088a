//! Arguments as typed. One definition per flag feeds help, completion and its environment twin `LABKIT_...`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

/// Runs and grades hands-on monitoring labs.
#[derive(Debug, Parser)]
#[command(
    name = "labkit",
    version,
    about,
    long_about = "Runs and grades hands-on monitoring labs: a student's Prometheus, rules, Alertmanager and Discord \
                  configuration, tried out in virtual time within milliseconds, or a running stack and VM in real time."
)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands. Only the one that is called has its options made: its structure of options has no doc of its own, since
/// that would take the place of the one here.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum Command {
    /// Judge a repository: the lab's whole acceptance run in virtual time, with a Markdown report
    Run(RunArgs),
    /// Judge many repositories: a gradebook, a page for the teacher, one report each
    Grade(super::grade::GradeArgs),
    /// Decide what a person must look at; decisions survive a new batch
    Review(super::review::ReviewArgs),
    /// Write a batch's results for a learning platform or a CI system
    Export(super::grade_export::ExportArgs),
    /// Join the parts of a batch that ran on several machines
    Merge(super::merge::MergeArgs),
    /// Judge what a batch hands over
    #[command(name = super::grade::WORKER, hide = true)]
    Worker,
    /// Judge a running stack over HTTP and a VM over SSH, in real time, with a Markdown report
    Check(Box<super::check::CheckArgs>),
    /// Judge what a check observed once more, from its bundle and without the machines
    Replay(super::replay::ReplayArgs),
    /// Start a repository's compose project, check it, and take it down again (needs Docker)
    Up(Box<super::up::UpArgs>),
    /// Run one scenario over a stack's files and print what happens
    Simulate(super::simulate::SimulateArgs),
    /// Follow a label set through an alertmanager.yml: routes, timers, what would mute it
    Route(super::route::RouteArgs),
    /// List the labs
    Labs(LabsArgs),
    /// Explain a criterion, a question or a piece of advice
    Explain(ExplainArgs),
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
    /// Receive messages as Discord would, for a real Alertmanager to talk to
    Discord(DiscordArgs),
    /// Run a stack in real time on real ports: Prometheus, Alertmanager, exporters, Discord, and a page of it all
    Serve(Box<super::serve::ServeArgs>),
    /// Serve the mocked model's metric as a real exporter
    Mock(super::mock::MockArgs),
    /// Answer PromQL over recorded samples with the JSON of Prometheus' API
    Query(super::query::QueryArgs),
    /// Test rules with promtool's unit-test files
    Test(super::test_rules::TestArgs),
    /// Hold the engine against recorded behaviour of the real programs
    Conformance(super::conformance::ConformanceArgs),
}

#[derive(Clone, Debug, ClapArgs)]
pub struct LabSource {
    /// Folder with `labs/` and `checks/` to use instead of the built-in labs
    #[arg(long = "labs", value_name = "DIR", env = "LABKIT_LABS")]
    pub folder: Option<PathBuf>,
    /// Set a parameter of the lab, such as stress.long=5m (repeatable)
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = assignment, env = "LABKIT_SET", value_delimiter = ',')]
    pub set: Vec<(String, String)>,
}

#[derive(Debug, ClapArgs)]
pub struct Output {
    /// One JSON document on stdout and nothing else
    #[arg(long, env = "LABKIT_JSON")]
    pub json: bool,
    /// Folder for reports
    #[arg(long, value_name = "DIR", default_value = "reports", env = "LABKIT_OUT")]
    pub out: PathBuf,
    /// Also write JUnit XML to this file
    #[arg(long, value_name = "FILE", env = "LABKIT_JUNIT")]
    pub junit: Option<PathBuf>,
    /// Judge only these criteria; the others are left open
    #[arg(long, value_name = "ID", value_delimiter = ',', env = "LABKIT_ONLY")]
    pub only: Vec<String>,
    /// Exit with 0 where 1 would tell that something failed
    #[arg(long, env = "LABKIT_EXIT_ZERO")]
    pub exit_zero: bool,
    /// Show the headline alone
    #[arg(short, long, env = "LABKIT_QUIET", conflicts_with = "verbose")]
    pub quiet: bool,
    /// Show reason and hint of every criterion
    #[arg(short, long, env = "LABKIT_VERBOSE")]
    pub verbose: bool,
    /// When to colour
    #[arg(long, value_enum, default_value_t = When::Auto, env = "LABKIT_COLOR")]
    pub color: When,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[derive(Debug, ClapArgs)]
pub struct RunArgs {
    /// The lab: its number, its name, or a path to a lab folder
    #[arg(value_name = "LAB", env = "LABKIT_LAB")]
    pub lab: String,
    /// The repository to judge; without it the current folder if it holds a stack, else the lab's own solution
    #[arg(long, value_name = "DIR", env = "LABKIT_REPO")]
    pub repo: Option<PathBuf>,
    /// Longest time for judging, in seconds on the clock
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=86_400), env = "LABKIT_TIME_LIMIT")]
    pub time_limit: u64,
    /// Most memory for judging, in megabytes (Linux only)
    #[arg(long, value_name = "MB", default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=1_000_000), env = "LABKIT_MEMORY_LIMIT")]
    pub memory_limit: u64,
    /// Where labs come from
    #[command(flatten)]
    pub source: LabSource,
    /// How results are shown
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, ClapArgs)]
pub struct LabsArgs {
    /// Where labs come from
    #[command(flatten)]
    pub source: LabSource,
    /// One JSON document on stdout and nothing else
    #[arg(long, env = "LABKIT_JSON")]
    pub json: bool,
}

#[derive(Debug, ClapArgs)]
pub struct ExplainArgs {
    /// Id of a criterion, a question or a piece of advice
    #[arg(value_name = "ID")]
    pub id: String,
    /// Where labs come from
    #[command(flatten)]
    pub source: LabSource,
}

#[derive(Debug, ClapArgs)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

#[derive(Debug, ClapArgs)]
pub struct DiscordArgs {
    /// Address to listen on; a container reaches the host only with 0.0.0.0
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9099", env = "LABKIT_LISTEN")]
    pub listen: std::net::SocketAddr,
    /// Append one JSON line per message to this file
    #[arg(long, value_name = "FILE", env = "LABKIT_RECORD")]
    pub record: Option<PathBuf>,
    /// Answers to the first messages, such as 500*3,429:2,slow:5,hang,close,ok, or a file with such answers
    #[arg(long, value_name = "ANSWERS", value_parser = fail_script, env = "LABKIT_FAIL")]
    pub fail: Option<crate::live::discord::FailScript>,
    /// A student's webhook, as NAME=TOKEN, NAME=ID/TOKEN or ID/TOKEN (repeatable); without any, every well-formed one exists
    #[arg(long = "token", value_name = "NAME=TOKEN", value_parser = crate::live::discord::token, env = "LABKIT_TOKEN", value_delimiter = ',', hide_env_values = true)]
    pub tokens: Vec<crate::live::discord::Token>,
    /// A file with such webhooks, one a line; # begins a remark
    #[arg(long, value_name = "FILE", env = "LABKIT_TOKEN_FILE")]
    pub token_file: Option<PathBuf>,
    /// Pass each message on to the real webhook whose address is this file's first line, and record both answers
    #[arg(long, value_name = "FILE", env = "LABKIT_FORWARD_URL_FILE")]
    pub forward_url_file: Option<PathBuf>,
    /// Take messages however fast they come
    #[arg(long, env = "LABKIT_NO_RATE_LIMITS")]
    pub no_rate_limits: bool,
    /// One JSON document per message on stdout
    #[arg(long, env = "LABKIT_JSON")]
    pub json: bool,
}

/// A script of answers as written, or else the file of that name.
fn fail_script(text: &str) -> Result<crate::live::discord::FailScript, String> {
    let wrong = match text.parse() {
        Ok(script) => return Ok(script),
        Err(e) => e,
    };
    match std::fs::read_to_string(text) {
        Ok(script) => script.parse().map_err(|e| format!("{text}: {e}")),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Err(wrong),
        Err(e) => Err(format!("cannot read {text}: {e}")),
    }
}

fn assignment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(format!("{text:?} is not NAME=VALUE")),
    }
}
