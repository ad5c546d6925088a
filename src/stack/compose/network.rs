//! Who reaches whom: what a host name and port mean when a container asks for them.

use core::net::IpAddr;
use std::collections::BTreeSet;

use super::container::Container;
use super::port::Port;
use super::project::{Project, Service};

/// Names for the container or machine itself.
const LOOPBACK: [&str; 4] = ["localhost", "127.0.0.1", "::1", "0.0.0.0"];
/// Names that Docker Desktop gives the host.
const DESKTOP: [&str; 4] =
    ["host.docker.internal", "gateway.docker.internal", "docker.for.mac.localhost", "docker.for.win.localhost"];
/// Services that share a network one behind the other.
const FOLLOWED: usize = 10;

/// Where a container is attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attachment {
    /// The host's own network.
    Host,
    /// No network.
    None,
    /// Docker's default bridge, which has no names.
    Bridge,
    /// Networks, by their real names.
    Networks(BTreeSet<String>),
    /// A container that is not in the project.
    Elsewhere(String),
}

/// What a target means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// A port of the student's machine.
    Host {
        /// The port.
        port: u16,
        /// Whether it comes in from outside, so that a server on loopback does not hear it.
        from_outside: bool,
    },
    /// A port of a container.
    Service {
        /// The service.
        name: String,
        /// The port in the container.
        port: u16,
    },
    /// A machine elsewhere: the VM, or the internet.
    External {
        /// Its name or address.
        host: String,
        /// The port.
        port: u16,
    },
    /// Nothing.
    Unreachable(String),
    /// It works with Docker Desktop and not on Linux, or the other way round.
    DependsOnPlatform {
        /// Why.
        reason: String,
        /// What it means where it works.
        otherwise: Box<Reach>,
    },
}

/// The group of services whose network a service shares: itself, or the one at the end of `service:`.
fn owner<'p>(project: &'p Project, service: &'p Service) -> Result<&'p Service, String> {
    let mut at = service;
    for _ in 0..FOLLOWED {
        let Some(mode) = &at.network_mode else { return Ok(at) };
        let next = if let Some(name) = mode.value.strip_prefix("service:") {
            project.service(name)
        } else if let Some(name) = mode.value.strip_prefix("container:") {
            project.services.iter().find(|s| s.container_name.as_ref().is_some_and(|c| c.value == name))
        } else {
            return Ok(at);
        };
        match next {
            Some(next) => at = next,
            None => return Err(mode.value.clone()),
        }
    }
    Err("a circle of shared networks".to_owned())
}

/// Where a service is attached.
pub fn attachment(project: &Project, service: &Service) -> Attachment {
    let service = match owner(project, service) {
        Ok(service) => service,
        Err(other) => return Attachment::Elsewhere(other),
    };
    match service.network_mode.as_ref().map(|m| m.value.as_str()) {
        Some("host") => return Attachment::Host,
        Some("none") => return Attachment::None,
        Some("bridge" | "default") => return Attachment::Bridge,
        Some(other) => return Attachment::Networks([other.to_owned()].into()),
        None => {}
    }
    let names: BTreeSet<String> = service.networks.iter().map(|j| real_name(project, &j.network)).collect();
    if names.contains("host") {
        Attachment::Host
    } else if names.len() == 1 && names.contains("none") {
        Attachment::None
    } else {
        Attachment::Networks(names)
    }
}

/// The name under which Docker knows a network.
fn real_name(project: &Project, key: &str) -> String {
    match project.networks.get(key) {
        Some(network) => match (&network.name, network.external) {
            (Some(name), _) => name.clone(),
            (None, true) => key.to_owned(),
            (None, false) => format!("project_{key}"),
        },
        None => format!("project_{key}"),
    }
}

/// A project with everything known of its containers.
pub struct Network<'p> {
    /// The project.
    pub project: &'p Project,
    /// Its containers.
    pub containers: &'p [Container],
}

impl Network<'_> {
    fn listens(&self, service: &str) -> &[u16] {
        self.containers.iter().find(|c| c.service == service).map_or(&[], |c| &c.listens)
    }

    /// What `host:port` means when a service asks for it.
    pub fn reach(&self, from: &Service, host: &str, port: u16) -> Reach {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let attached = attachment(self.project, from);
        let loopback = LOOPBACK.contains(&host) || host.starts_with("127.");
        if let Some((_, address)) = from.extra_hosts.iter().find(|(name, _)| name.eq_ignore_ascii_case(host)) {
            return match address.as_str() {
                "host-gateway" => self.at_host(port, true, host),
                address if address.starts_with("127.") && attached == Attachment::Host => {
                    self.at_host(port, false, host)
                }
                address => self.address(&attached, address, port),
            };
        }
        match &attached {
            Attachment::None => Reach::Unreachable(format!("{} has no network (`network_mode: none`)", from.name)),
            Attachment::Elsewhere(other) => Reach::DependsOnPlatform {
                reason: format!("{} shares the network of {other}, which is not in these files", from.name),
                otherwise: Box::new(Reach::External { host: host.to_owned(), port }),
            },
            _ if loopback && attached != Attachment::Host => self.own_loopback(from, host, port),
            Attachment::Host if loopback => self.at_host(port, false, host),
            _ if DESKTOP.contains(&host) => Reach::DependsOnPlatform {
                reason: format!(
                    "{host} is known to Docker Desktop; on Linux it needs `extra_hosts: [\"{host}:host-gateway\"]`"
                ),
                otherwise: Box::new(self.at_host(port, true, host)),
            },
            _ if host.parse::<IpAddr>().is_ok() => self.address(&attached, host, port),
            _ => self.by_name(from, &attached, host, port),
        }
    }

    /// The loopback of a container: itself, and those that share its network.
    fn own_loopback(&self, from: &Service, host: &str, port: u16) -> Reach {
        let own = owner(self.project, from).map(|s| s.name.clone());
        let mut group = self.project.services.iter().filter(|s| owner(self.project, s).map(|s| s.name.clone()) == own);
        let heard = group.clone().find(|s| self.listens(&s.name).contains(&port));
        if let Some(service) = heard.or_else(|| group.find(|s| s.name != from.name && self.listens(&s.name).is_empty()))
        {
            return Reach::Service { name: service.name.clone(), port };
        }
        let published = self.project.services.iter().find(|s| s.ports.iter().any(|p| p.published_port() == Some(port)));
        let hint = published.map_or_else(String::new, |s| {
            let target = s.ports.iter().find(|p| p.published_port() == Some(port)).map_or(port, |p| p.target);
            format!("; {} is reached as {}:{target}", s.name, s.name)
        });
        Reach::Unreachable(format!(
            "inside the container of {}, {host} is the container itself, where nothing listens on {port}{hint}",
            from.name
        ))
    }

    /// A port of the host as it is seen from outside.
    pub fn host_port(&self, port: u16) -> Reach {
        self.at_host(port, true, "the address")
    }

    /// A port of the host: a container that has it, or a program of the host.
    fn at_host(&self, port: u16, from_outside: bool, host: &str) -> Reach {
        for service in &self.project.services {
            if attachment(self.project, service) == Attachment::Host {
                if self.listens(&service.name).contains(&port) {
                    return Reach::Service { name: service.name.clone(), port };
                }
                continue;
            }
            let here = |p: &&Port| p.published_port() == Some(port) && p.protocol == "tcp";
            if let Some(published) = service.ports.iter().find(here) {
                let local = published.host_ip.as_deref().is_some_and(|ip| ip.starts_with("127.") || ip == "::1");
                if local && from_outside {
                    return Reach::Unreachable(format!(
                        "{} publishes {port} on loopback only, and {host} comes in from outside",
                        service.name
                    ));
                }
                let known = self.listens(&service.name);
                if !known.is_empty() && !known.contains(&published.target) {
                    return Reach::Unreachable(format!(
                        "port {port} leads to port {} of {}, where nothing listens",
                        published.target, service.name
                    ));
                }
                return Reach::Service { name: service.name.clone(), port: published.target };
            }
        }
        Reach::Host { port, from_outside }
    }

    /// An address: the host's gateway, a container with a fixed one, or elsewhere.
    fn address(&self, attached: &Attachment, address: &str, port: u16) -> Reach {
        if address.starts_with("127.") {
            return Reach::Unreachable(format!("{address} is the container itself"));
        }
        let fixed =
            self.project.services.iter().find(|s| s.networks.iter().any(|n| n.address.as_deref() == Some(address)));
        if let Some(service) = fixed {
            return Reach::Service { name: service.name.clone(), port };
        }
        if is_gateway(address) {
            return self.at_host(port, *attached != Attachment::Host, address);
        }
        self.outward(attached, Reach::External { host: address.to_owned(), port })
    }

    /// Leaves the project, unless every network is cut off.
    fn outward(&self, attached: &Attachment, reach: Reach) -> Reach {
        let Attachment::Networks(names) = attached else { return reach };
        let internal = |real: &String| {
            self.project.networks.iter().any(|(key, n)| n.internal && real_name(self.project, key) == *real)
        };
        if !names.is_empty() && names.iter().all(internal) {
            return Reach::Unreachable("its networks are `internal`: nothing outside can be reached".to_owned());
        }
        reach
    }

    /// A name: a service in reach, one out of reach, or a machine elsewhere.
    fn by_name(&self, from: &Service, attached: &Attachment, host: &str, port: u16) -> Reach {
        if let Some((service, _)) = from.links.iter().find(|(_, alias)| alias == host)
            && self.project.service(service).is_some()
            && *attached != Attachment::Host
        {
            return self.service_port(service, port);
        }
        let named: Vec<&Service> = self.project.services.iter().filter(|s| has_name(s, host)).collect();
        let Some(first) = named.first() else {
            if let Some(off) = self.project.inactive.iter().find(|s| s.name == host) {
                let profile = off.profiles.first().map_or("", String::as_str);
                return Reach::Unreachable(format!("{host} is only started with `--profile {profile}`"));
            }
            return self.outward(attached, Reach::External { host: host.to_owned(), port });
        };
        let Attachment::Networks(mine) = attached else {
            let (why, right) = match attached {
                Attachment::Host => ("is on the host's network, where service names mean nothing", "localhost"),
                _ => ("is on Docker's default bridge, which knows no service names", "an address"),
            };
            let published = first.ports.iter().find(|p| p.target == port).and_then(|p| p.published.clone());
            let seen = published.unwrap_or_else(|| port.to_string());
            return Reach::Unreachable(format!("{} {why}: {host} has to be {right}:{seen}", from.name));
        };
        for service in &named {
            // Its own name works whatever the networks.
            if service.name == from.name {
                return self.service_port(&service.name, port);
            }
            match attachment(self.project, service) {
                Attachment::Networks(theirs) if !mine.is_disjoint(&theirs) => {
                    return self.service_port(&service.name, port);
                }
                _ => {}
            }
        }
        let reason = match attachment(self.project, first) {
            Attachment::Host => format!(
                "{} is on the host's network and has left the project's: {host} does not resolve, use host.docker.internal or the host's address",
                first.name
            ),
            Attachment::None => format!("{} has no network", first.name),
            _ => format!("{} and {} share no network", from.name, first.name),
        };
        Reach::Unreachable(reason)
    }

    /// A port of a container, when something listens there.
    fn service_port(&self, name: &str, port: u16) -> Reach {
        let Some(service) = self.project.service(name) else {
            return Reach::Unreachable(format!("{name} is no service"));
        };
        let known = self.listens(name);
        if known.contains(&port) {
            return Reach::Service { name: name.to_owned(), port };
        }
        let published = service.ports.iter().find(|p| p.published_port() == Some(port) && p.target != port);
        let also_inside = service.expose.contains(&port) || service.ports.iter().any(|p| p.target == port);
        match (known.first(), published) {
            (Some(own), _) => Reach::Unreachable(format!("{name} listens on {own}, not on {port}")),
            (None, Some(p)) if !also_inside => Reach::Unreachable(format!(
                "{port} is the port that the host sees; between containers {name} listens on {}",
                p.target
            )),
            _ => Reach::Service { name: name.to_owned(), port },
        }
    }
}

/// The names under which Docker finds a service.
fn has_name(service: &Service, host: &str) -> bool {
    let same = |name: &str| name.eq_ignore_ascii_case(host);
    same(&service.name)
        || service.container_name.as_ref().is_some_and(|c| same(&c.value))
        || service.hostname.as_deref().is_some_and(same)
        || service.networks.iter().any(|n| n.aliases.iter().any(|a| same(a)))
        || ["-", "_"].iter().any(|s| host.ends_with(&format!("{s}{}{s}1", service.name)))
}

/// The host's end of a bridge: 172.17.0.1 and its sisters.
fn is_gateway(address: &str) -> bool {
    let parts: Vec<u8> = address.split('.').filter_map(|p| p.parse().ok()).collect();
    matches!(parts.as_slice(), [172, 17..=31, 0, 1])
}
