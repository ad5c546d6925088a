//! Webhooks that may lead to Discord over a bridge: a program that takes Alertmanager's own format and passes it on.
//! Files show a bridge that is a service of the stack; of a converter elsewhere they show the address alone.

use super::Simulated;
use crate::alertmanager::config::IntegrationKind;
use crate::simulate::receivers::leads_to_discord;
use crate::stack::compose::network::Reach;
use crate::stack::compose::{Project, Service};
use crate::stack::{FileTree, Who, split_port};
use crate::text::mask_secrets;

/// Whether what is posted to an address arrives on Discord.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrives {
    /// It does.
    Yes,
    /// Files do not tell, and why.
    Open(String),
    /// It does not, and why where that is known.
    No(Option<String>),
}

/// Bytes of a file of a bridge that is looked at.
const SIZE: u64 = 1 << 18;
/// Files of a bridge that are looked at.
const FILES: usize = 50;

/// Whether a notification of this kind to this address arrives on Discord.
pub fn arrives(world: &Simulated<'_>, kind: IntegrationKind, url: &str) -> Arrives {
    let named = leads_to_discord(kind, url);
    let Some((scheme, rest)) = url.split_once("://").filter(|_| kind == IntegrationKind::Webhook) else {
        return if named { Arrives::Yes } else { Arrives::No(None) };
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let usual = if scheme == "https" { 443 } else { 80 };
    let Some((host, port)) = split_port(authority, usual) else { return Arrives::No(None) };
    if ["discord.com", "discordapp.com"].iter().any(|d| host == *d || host.ends_with(&format!(".{d}"))) {
        // Discord itself refuses that format, and says so.
        return Arrives::Yes;
    }
    let stack = &world.stack;
    let from = stack.alertmanager.as_ref().and_then(|a| a.service.as_deref());
    let target = format!("{host}:{port}");
    let open = |why: &str| Arrives::Open(format!("{} is {why}", mask_secrets(&format!("{scheme}://{authority}"))));
    let mut reach = stack.resolve(from, &target);
    if let Reach::DependsOnPlatform { otherwise, .. } = reach {
        reach = *otherwise;
    }
    match reach {
        Reach::Service { name, .. } => {
            let projects = stack.compose.iter().chain(&stack.others).map(|p| &p.project);
            let found = projects.into_iter().find_map(|p| Some((p, p.service(&name)?)));
            let answer = stack.who_answers(from, &target);
            match found {
                Some((project, service)) if speaks_of_discord(project, service, world.tree) => match answer.who {
                    Who::Nobody => Arrives::No(Some(answer.why)),
                    _ => Arrives::Yes,
                },
                _ if matches!(answer.who, Who::Service(ref s) if is_other(world, s)) => {
                    open(&format!("the service {name}, of which no file says that it passes messages on to Discord"))
                }
                _ => Arrives::No(None),
            }
        }
        Reach::Host { port, .. } if !is_own_port(port) => {
            open("a program on the machine, of which the repository shows nothing")
        }
        Reach::External { host, .. } if host.contains('.') || stack.compose.is_none() => open("outside the stack"),
        Reach::External { host, .. } => Arrives::No(Some(format!("no service is called {host}"))),
        Reach::Unreachable(why) => Arrives::No(named.then_some(why)),
        Reach::Host { .. } | Reach::DependsOnPlatform { .. } => Arrives::No(None),
    }
}

/// Ports of the programs of the stack itself, and that of the sample configuration of Alertmanager's image.
fn is_own_port(port: u16) -> bool {
    matches!(port, 3000 | 5001 | 9090 | 9093 | 9100)
}

fn is_other(world: &Simulated<'_>, name: &str) -> bool {
    let containers = world.stack.compose.iter().chain(&world.stack.others).flat_map(|p| &p.containers);
    containers.into_iter().any(|c| c.service == name && c.role == crate::stack::compose::image::Role::Other)
}

/// Whether anything about a service names Discord: its name, its image, its settings, the files it is built of.
fn speaks_of_discord(project: &Project, service: &Service, tree: &FileTree) -> bool {
    let named = |text: &str| text.to_ascii_lowercase().contains("discord");
    let image = service.image.as_ref().is_some_and(|i| named(&i.value));
    let environment = service.environment.iter().any(|(n, v, _)| named(n) || v.as_deref().is_some_and(named));
    let words = service.command.iter().chain(&service.entrypoint).flat_map(|c| &c.value).any(|w| named(w));
    if named(&service.name) || image || environment || words {
        return true;
    }
    let built = service.build.as_ref().and_then(|b| b.context.inside()).filter(|folder| *folder != project.dir);
    built.is_some_and(|folder| {
        let small = tree.under(folder).filter(|e| e.size <= SIZE).take(FILES);
        small.into_iter().any(|e| tree.text(&e.path).is_ok_and(|t| named(t.text())))
    })
}
