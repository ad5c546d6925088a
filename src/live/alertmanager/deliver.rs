//! Posting notifications, each on a thread of its own: one receiver that is slow does not hold up the others.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::blocking::Client;

use crate::alertmanager::notify::{Outgoing, OutgoingRequest};
use crate::alertmanager::{Delivery, DeliveryId, Outcome};
use crate::engine::AlertmanagerSetup;
use crate::engine::outgoing::{body, leads_to_discord};
use crate::model::Time;

/// Bytes of an answer that are kept.
const MAX_ANSWER: u64 = 64 * 1024;

/// Who posts.
#[derive(Debug)]
pub(super) struct Deliverer {
    client: Client,
    setup: Arc<AlertmanagerSetup>,
    discord: Option<SocketAddr>,
}

impl Deliverer {
    pub(super) fn new(setup: AlertmanagerSetup, discord: Option<SocketAddr>) -> io::Result<Self> {
        let client = Client::builder().build().map_err(|e| io::Error::other(e.without_url()))?;
        Ok(Self { client, setup: Arc::new(setup), discord })
    }

    /// Posts a notification, and tells `done` how it ended.
    pub(super) fn start(&self, delivery: Delivery, at: Time, done: impl FnOnce(DeliveryId, Outcome) + Send + 'static) {
        let (client, setup, discord) = (self.client.clone(), Arc::clone(&self.setup), self.discord);
        let thread = std::thread::Builder::new().name("delivery".to_owned());
        // Where no thread is to be had the request stays open until its deadline, and is tried again at the next tick.
        let _ = thread.spawn(move || done(delivery.id, deliver(&client, &setup, discord, &delivery, at)));
    }
}

fn deliver(
    client: &Client,
    setup: &AlertmanagerSetup,
    discord: Option<SocketAddr>,
    delivery: &Delivery,
    at: Time,
) -> Outcome {
    let notification = &delivery.notification;
    let request = match body(Some(setup), notification) {
        Ok(Outgoing::Request(request)) => request,
        // What labkit does not speak counts as sent.
        Ok(Outgoing::Record(_)) => return Outcome::Answered { status: 200, body: String::new() },
        Err(e) => return Outcome::Unsendable(e.to_string()),
    };
    let Ok(mut url) = reqwest::Url::parse(&request.url) else {
        return Outcome::Unsendable("the address cannot be parsed".to_owned());
    };
    if let Some(discord) = discord.filter(|_| leads_to_discord(notification.kind(), &request.url)) {
        let ours = format!("http://{discord}{}{}", url.path(), url.query().map_or(String::new(), |q| format!("?{q}")));
        match reqwest::Url::parse(&ours) {
            Ok(ours) => url = ours,
            Err(e) => return Outcome::Unsendable(e.to_string()),
        }
    }
    let left = Duration::from_nanos(u64::try_from(delivery.deadline.since(at)).unwrap_or(0));
    post(client, url, request, left)
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
