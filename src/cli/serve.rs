//! `labkit serve`: the embedded Alertmanager and the stand-in for Discord in real time.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::Args;

use super::exit::Exit;
use super::print;
use crate::alertmanager::Version;
use crate::live::alertmanager::{Options, Running};
use crate::live::discord::{Options as DiscordOptions, Receiver};
use crate::live::{Signal, wait_for_signal};
use crate::simulate::{Overrides, alertmanager_of};
use crate::stack::{LabHints, Stack};
use crate::text::mask_secrets;

/// `labkit serve`
#[derive(Debug, Args)]
#[command(
    long_about = "Run the embedded Alertmanager with a repository's alertmanager.yml, and the stand-in for Discord with \
                  its page, in real time on real ports. A real Prometheus can send its alerts there, and amtool works \
                  against it. Messages for Discord go to the stand-in and never out into the world; other webhooks \
                  are posted to as written, and receivers of other kinds are not told. Prometheus itself, exporters \
                  and Grafana are not served, and silences are forgotten when it stops."
)]
pub struct ServeArgs {
    /// Folder with the stack's files
    #[arg(long, value_name = "DIR", default_value = ".", env = "LABKIT_REPO")]
    repo: PathBuf,
    /// Alertmanager to speak as: 0.25 to 0.34; without it what the image's tag says
    #[arg(long, value_name = "V", env = "LABKIT_ALERTMANAGER_DIALECT")]
    alertmanager_dialect: Option<Version>,
    /// Address to listen on; a container reaches the host only with 0.0.0.0
    #[arg(long, value_name = "IP", default_value = "127.0.0.1", env = "LABKIT_LISTEN_IP")]
    listen: IpAddr,
    /// Port of Alertmanager; 0 for any free one
    #[arg(long, value_name = "PORT", default_value_t = 9093, env = "LABKIT_ALERTMANAGER_PORT")]
    alertmanager_port: u16,
    /// Port of the stand-in for Discord; 0 for any free one
    #[arg(long, value_name = "PORT", default_value_t = 9099, env = "LABKIT_DISCORD_PORT")]
    discord_port: u16,
    /// Append one JSON line per message to this file
    #[arg(long, value_name = "FILE", env = "LABKIT_RECORD")]
    record: Option<PathBuf>,
}

/// Runs the command until the process is asked to stop.
#[allow(clippy::print_stderr)]
pub fn run(args: &ServeArgs) -> Exit {
    let (setup, config_text) = match setup(args) {
        Ok(setup) => setup,
        Err(e) => return print::usage(&e),
    };
    let discord_options =
        DiscordOptions { record: args.record.clone(), rate_limits: true, ..DiscordOptions::default() };
    let discord = match Receiver::start(SocketAddr::new(args.listen, args.discord_port), discord_options) {
        Ok(discord) => discord,
        Err(e) => return print::usage(&format!("cannot listen on port {}: {e}", args.discord_port)),
    };
    // An address that stands for all cannot be posted to everywhere.
    let own_ip = if args.listen.is_unspecified() { IpAddr::from([127, 0, 0, 1]) } else { args.listen };
    let discord_address = SocketAddr::new(own_ip, discord.address().port());
    let options = Options { setup, config_text, discord: Some(discord_address) };
    let running = match Running::start(SocketAddr::new(args.listen, args.alertmanager_port), options) {
        Ok(running) => running,
        Err(e) => return print::usage(&format!("cannot listen on port {}: {e}", args.alertmanager_port)),
    };
    if let Some(address) = running.address() {
        eprintln!("alertmanager listens at http://{}", SocketAddr::new(own_ip, address.port()));
    }
    eprintln!("messages are shown at http://{discord_address}/");
    let signal = wait_for_signal();
    let stopped = running.stop().and(discord.stop());
    match (signal, stopped) {
        (Ok(Signal::Interrupt), Ok(())) => Exit::Interrupted,
        (Ok(Signal::Terminate), Ok(())) => Exit::Ok,
        (Err(e), _) | (_, Err(e)) => {
            print::remark(&format!("a server stopped: {e}"));
            Exit::Error
        }
    }
}

/// The repository's Alertmanager, and its configuration's text without secrets.
fn setup(args: &ServeArgs) -> Result<(crate::engine::AlertmanagerSetup, String), String> {
    let dir = args.repo.display();
    let tree = crate::check::probe::files::open(&args.repo).map_err(|e| format!("cannot read {dir}: {e}"))?;
    let stack = Stack::read(&tree, &LabHints::default());
    let Some(alertmanager) = &stack.alertmanager else {
        return Err(format!("no alertmanager.yml in {dir} or at most three folders below"));
    };
    let text = alertmanager.state.text().map(|t| mask_secrets(t.text()).into_owned()).unwrap_or_default();
    let overrides = Overrides { alertmanager: args.alertmanager_dialect, ..Overrides::default() };
    match alertmanager_of(&stack, &overrides) {
        Ok(Some(setup)) => Ok((setup, text)),
        Err(why) => Err(format!("the Alertmanager of {dir} does not run: {why}")),
        Ok(None) => {
            for d in &alertmanager.diagnostics {
                print::remark(&d.message);
            }
            let why = alertmanager.state.reason().unwrap_or("its configuration is refused");
            Err(format!("the Alertmanager of {dir} does not run: {why}"))
        }
    }
}
