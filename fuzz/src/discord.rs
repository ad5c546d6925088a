//! Bodies posted to the stand-in for Discord. The input's first line is the content type, the rest the body.

use labkit::discord::api::{DiscordServer, Request, Settings, Webhook};
use labkit::model::Time;

/// Posts a body, and reads back what was accepted.
pub fn run(data: &[u8]) {
    let (first, body) = data.split_at(data.iter().position(|b| *b == b'\n').unwrap_or(0));
    let kind = match first {
        b"" => "application/json".to_owned(),
        other => String::from_utf8_lossy(other).into_owned(),
    };
    let mut server = DiscordServer::new(Settings::default());
    server.add_webhook(Webhook::new(7, "t"));
    let headers = [("Content-Type".to_owned(), kind)];
    let body = body.strip_prefix(b"\n").unwrap_or(body);
    for path in ["/api/webhooks/7/t", "/api/webhooks/7/t/slack"] {
        let answer =
            server.handle(Time(0), &Request { method: "POST", path, query: "wait=true", headers: &headers, body });
        assert!((200..600).contains(&answer.status), "{}", answer.status);
        for message in server.messages() {
            let json = message.to_json().to_string();
            assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok());
        }
    }
}
