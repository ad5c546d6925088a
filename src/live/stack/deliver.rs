//! Posting notifications, each on a thread of its own: one receiver that is slow does not hold up the others.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::blocking::Client;

use crate::alertmanager::notify::{Outgoing, OutgoingRequest};
use crate::alertmanager::{Notification, Outcome};
use crate::engine::outgoing::{body, leads_to_discord};
use crate::engine::{EngineConfig, PostOutcome};

/// Bytes of an answer that are kept.
const MAX_ANSWER: u64 = 64 * 1024;

/// Who posts.
#[derive(Debug)]
pub(super) struct Deliverer {
    client: Client,
    discord: Option<SocketAddr>,
}

impl Deliverer {
    pub(super) fn new(discord: Option<SocketAddr>) -> io::Result<Self> {
        let client = Client::builder().build().map_err(|e| io::Error::other(e.without_url()))?;
        Ok(Self { client, discord })
    }

    /// Posts a notification within the time that is left, and tells `done` how it ended.
    pub(super) fn start(
        &self,
        config: &Arc<EngineConfig>,
        notification: Arc<Notification>,
        within: Duration,
        done: impl FnOnce(PostOutcome) + Send + 'static,
    ) {
        let (client, config, discord) = (self.client.clone(), Arc::clone(config), self.discord);
        let thread = std::thread::Builder::new().name("delivery".to_owned());
        // Where no thread is to be had the request stays open until its deadline, and is tried again at the next tick.
        let _ = thread.spawn(move || done(deliver(&client, &config, discord, &notification, within)));
    }
}

fn deliver(
    client: &Client,
    config: &EngineConfig,
    discord: Option<SocketAddr>,
    notification: &Notification,
    within: Duration,
) -> PostOutcome {
    let ended = |url: &str, outcome| PostOutcome { url: url.into(), outcome };
    let request = match body(config.alertmanager.as_ref(), notification) {
        Ok(Outgoing::Request(request)) => request,
        // What labkit does not speak counts as sent.
        Ok(Outgoing::Record(_)) => return ended("", Outcome::Answered { status: 200, body: String::new() }),
        Err(e) => return ended("", Outcome::Unsendable(e.to_string())),
    };
    let shown = request.url.clone();
    let Ok(mut url) = reqwest::Url::parse(&request.url) else {
        return ended(&shown, Outcome::Unsendable("the address cannot be parsed".to_owned()));
    };
    if let Some(discord) = discord.filter(|_| leads_to_discord(notification.kind(), &request.url)) {
        let ours = format!("http://{discord}{}{}", url.path(), url.query().map_or(String::new(), |q| format!("?{q}")));
        match reqwest::Url::parse(&ours) {
            Ok(ours) => url = ours,
            Err(e) => return ended(&shown, Outcome::Unsendable(e.to_string())),
        }
    }
    ended(&shown, post(client, url, request, within))
}

fn post(client: &Client, url: reqwest::Url, request: OutgoingRequest, within: Duration) -> Outcome {
    let OutgoingRequest { headers, body, .. } = request;
    let posted = headers.iter().fold(client.post(url), |r, (name, value)| r.header(*name, value.as_str()));
    match posted.timeout(within).body(body).send() {
        Ok(response) => {
            let status = response.status().as_u16();
            let mut bytes = Vec::new();
            // What came until the connection broke is enough for the log.
            let _ = io::Read::read_to_end(&mut io::Read::take(response, MAX_ANSWER), &mut bytes);
            Outcome::Answered { status, body: String::from_utf8_lossy(&bytes).into_owned() }
        }
        // The error would tell the address.
        Err(e) => Outcome::Transport(e.without_url().to_string()),
    }
}
