//! Published ports, short and long form, with ranges.

use super::tree::{Kind, Place, Tree};
use crate::text::Diagnostic;

/// Ports one range may stand for.
const RANGE: u32 = 10_000;

/// A port of a container and where it is published.
#[derive(Clone, Debug)]
pub struct Port {
    /// The port in the container.
    pub target: u16,
    /// The host's port as written: a number, a range when Docker may choose, or nothing for a random one.
    pub published: Option<String>,
    /// The host's address it listens on; nothing for all.
    pub host_ip: Option<String>,
    /// `tcp` or `udp`.
    pub protocol: String,
    /// Where it is written.
    pub place: Place,
}

impl Port {
    /// The host's port, when it is a single one.
    pub fn published_port(&self) -> Option<u16> {
        self.published.as_deref()?.parse().ok()
    }
}

/// Reads `ports`; what Docker refuses is added to `refused`.
pub fn read(list: &Tree, refused: &mut Vec<Diagnostic>) -> Vec<Port> {
    let mut ports: Vec<Port> = Vec::new();
    for item in list.items() {
        let read = match &item.kind {
            Kind::Map(_) => long(item),
            _ => short(item.text().unwrap_or_default(), &item.place),
        };
        match read {
            Ok(read) => {
                for port in read {
                    let same = |p: &Port| {
                        (p.target, &p.published, &p.host_ip, &p.protocol)
                            == (port.target, &port.published, &port.host_ip, &port.protocol)
                    };
                    if !ports.iter().any(same) {
                        ports.push(port);
                    }
                }
            }
            Err(why) => {
                let d = item.place.error(why.clone()).upstream(why);
                refused.push(d.help("write \"HOST:CONTAINER\", such as \"3000:3000\""));
            }
        }
    }
    ports
}

fn long(item: &Tree) -> Result<Vec<Port>, String> {
    let text = |key: &str| item.get(key).and_then(Tree::text).map(str::to_owned);
    let target = text("target").ok_or("a port needs a target")?;
    let target = target.parse().map_err(|_| format!("invalid containerPort: {target}"))?;
    Ok(vec![Port {
        target,
        published: text("published").filter(|p| !p.is_empty()),
        host_ip: text("host_ip"),
        protocol: text("protocol").unwrap_or_else(|| "tcp".to_owned()),
        place: item.place.clone(),
    }])
}

fn short(text: &str, place: &Place) -> Result<Vec<Port>, String> {
    let (rest, protocol) = match text.rsplit_once('/') {
        Some((rest, protocol)) => (rest, protocol.to_ascii_lowercase()),
        None => (text, "tcp".to_owned()),
    };
    if !matches!(protocol.as_str(), "tcp" | "udp" | "sctp") {
        return Err(format!("invalid proto: {protocol}"));
    }
    let (head, container) = match rest.rsplit_once(':') {
        Some((head, container)) => (Some(head), container),
        None => (None, rest),
    };
    let (ip, host) = match head {
        None => (None, ""),
        Some(head) => match head.rsplit_once(':') {
            // An address of version 6 is in brackets.
            Some((ip, host)) if !host.ends_with(']') => (Some(ip), host),
            Some(_) => (Some(head), ""),
            None if head.contains('.') => (Some(head), ""),
            None => (None, head),
        },
    };
    if container.is_empty() {
        return Err(format!("no port specified: {text}<empty>"));
    }
    let ip = ip.map(|ip| ip.trim_start_matches('[').trim_end_matches(']').to_owned()).filter(|ip| !ip.is_empty());
    if let Some(ip) = &ip {
        ip.parse::<core::net::IpAddr>().map_err(|_| format!("invalid IP address: {ip}"))?;
    }
    let (first, last) = range(container).ok_or_else(|| format!("invalid containerPort: {container}"))?;
    let hosts = match host {
        "" => None,
        host => Some(range(host).ok_or_else(|| format!("invalid hostPort: {host}"))?),
    };
    if let Some((low, high)) = hosts {
        let equal = u32::from(high - low) == u32::from(last - first);
        if !equal && first != last {
            return Err(format!("invalid ranges specified for container and host Ports: {container} and {host}"));
        }
    }
    if u32::from(last - first) > RANGE {
        return Err(format!("invalid containerPort: {container}"));
    }
    Ok((first..=last)
        .map(|target| Port {
            target,
            published: hosts.map(|(low, high)| {
                if first == last && low != high {
                    format!("{low}-{high}")
                } else {
                    (low + (target - first)).to_string()
                }
            }),
            host_ip: ip.clone(),
            protocol: protocol.clone(),
            place: place.clone(),
        })
        .collect())
}

/// `3000` or `3000-3010`.
pub(super) fn range(text: &str) -> Option<(u16, u16)> {
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    let (low, high) = (low.trim().parse().ok()?, high.trim().parse().ok()?);
    (low <= high).then_some((low, high))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::SourceText;

    type Read = (u16, Option<String>, Option<String>);

    fn ports(text: &str) -> Result<Vec<Read>, String> {
        let place = Place::start(&SourceText::new("c.yml", ""));
        short(text, &place).map(|p| p.into_iter().map(|p| (p.target, p.published, p.host_ip)).collect())
    }

    #[test]
    fn short_forms_are_read_from_the_right() {
        let one = |t, p: Option<&str>, ip: Option<&str>| Ok(vec![(t, p.map(str::to_owned), ip.map(str::to_owned))]);
        assert_eq!(ports("3000"), one(3000, None, None));
        assert_eq!(ports("3001:3000/udp"), one(3000, Some("3001"), None));
        assert_eq!(ports("127.0.0.1:3001:3000"), one(3000, Some("3001"), Some("127.0.0.1")));
        assert_eq!(ports("127.0.0.1::3000"), one(3000, None, Some("127.0.0.1")));
        assert_eq!(ports("[::1]:3000:3000"), one(3000, Some("3000"), Some("::1")));
        assert_eq!(ports("8000-9000:80"), one(80, Some("8000-9000"), None));
        assert_eq!(ports("3000-3001:4000-4001").unwrap().len(), 2);
        for wrong in ["", "a", "3000:", "70000", "1:2:3", "3000-3001:3000-3005", "80/http"] {
            assert!(ports(wrong).is_err(), "{wrong:?}");
        }
    }
}
