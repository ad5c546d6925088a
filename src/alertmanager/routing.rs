//! The routing tree, ready to route: options inherited, keys worked out.
//!
//! Facts: upstream `dispatch/route.go`, measured with `amtool config routes test` 0.25.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use super::config::{Config, GroupBy, Receiver, Route};
use super::version::Version;
use crate::model::{Labels, Matcher};
use crate::text::Span;

/// The tree. Nodes are named by their place in [`RouteTree::nodes`]; the root is 0.
#[derive(Clone, Debug)]
pub struct RouteTree {
    nodes: Vec<RouteNode>,
}

/// A node with everything inherited.
#[derive(Clone, Debug)]
pub struct RouteNode {
    /// The node above; none for the root.
    pub parent: Option<usize>,
    /// The nodes below, in order.
    pub children: Vec<usize>,
    /// All must hold.
    pub matchers: Vec<Matcher>,
    /// Whether later siblings are tried after a match.
    pub continues: bool,
    /// Who is told.
    pub receiver: Arc<Receiver>,
    /// By what alerts are grouped.
    pub group_by: GroupBy,
    /// How long a new group waits.
    pub group_wait: Duration,
    /// The time between two looks at a group.
    pub group_interval: Duration,
    /// How long an unchanged group stays silent.
    pub repeat_interval: Duration,
    /// Names of intervals in which nothing is sent.
    pub mute_time_intervals: Vec<Arc<str>>,
    /// Names of intervals outside of which nothing is sent.
    pub active_time_intervals: Vec<Arc<str>>,
    /// Labels for templates (0.34).
    pub labels: Arc<BTreeMap<Arc<str>, Arc<str>>>,
    /// For example `{}/{team="x"}`.
    pub key: Arc<str>,
    /// Whether another node has the same key and receiver, and so shares notification log entries.
    pub shares_key: bool,
    /// Where it stands.
    pub span: Span,
}

impl RouteTree {
    /// Works the tree out.
    pub fn new(config: &Config, version: Version) -> Self {
        let nobody = Arc::new(Receiver {
            name: "".into(),
            labels: Arc::default(),
            integrations: Vec::new(),
            span: Span::default(),
        });
        let mut root = RouteNode {
            parent: None,
            children: Vec::new(),
            matchers: Vec::new(),
            continues: false,
            receiver: nobody,
            group_by: GroupBy::Labels(Vec::new()),
            group_wait: Duration::from_secs(30),
            group_interval: Duration::from_secs(300),
            repeat_interval: Duration::from_secs(4 * 3600),
            mute_time_intervals: Vec::new(),
            active_time_intervals: Vec::new(),
            labels: Arc::default(),
            key: "".into(),
            shares_key: false,
            span: Span::default(),
        };
        apply(&mut root, &config.route, config, version);
        let mut tree = Self { nodes: vec![root] };
        // An explicit stack: the depth of the tree is the student's.
        let mut open: Vec<(usize, &Route)> = vec![(0, &config.route)];
        while let Some((parent, route)) = open.pop() {
            for child in &route.routes {
                let mut node = tree.nodes[parent].clone();
                node.parent = Some(parent);
                node.children = Vec::new();
                apply(&mut node, child, config, version);
                let index = tree.nodes.len();
                tree.nodes.push(node);
                tree.nodes[parent].children.push(index);
                open.push((index, child));
            }
        }
        let mut seen: BTreeMap<(Arc<str>, Arc<str>), usize> = BTreeMap::new();
        for node in &tree.nodes {
            *seen.entry((node.key.clone(), node.receiver.name.clone())).or_default() += 1;
        }
        for node in &mut tree.nodes {
            node.shares_key = seen[&(node.key.clone(), node.receiver.name.clone())] > 1;
        }
        tree
    }

    /// All nodes, the root first.
    pub fn nodes(&self) -> &[RouteNode] {
        &self.nodes
    }

    /// The nodes a label set ends in, in order.
    pub fn matching(&self, labels: &Labels) -> Vec<usize> {
        let mut ends = Vec::new();
        self.walk(labels, &mut |step| {
            if let Step::End(node) = step {
                ends.push(node);
            }
        });
        ends
    }

    /// Follows a label set through the tree, telling every step.
    pub fn walk(&self, labels: &Labels, tell: &mut dyn FnMut(Step)) {
        // What is open, from the root down: the node, its next child, whether a child matched.
        let mut open: Vec<(usize, usize, bool)> = Vec::new();
        if !self.enter(0, labels, tell) {
            return;
        }
        open.push((0, 0, false));
        while let Some((node, next, matched)) = open.pop() {
            let children = &self.nodes[node].children;
            let stops = next > 0 && matched && {
                let last = children[next - 1];
                self.nodes[last].matchers.iter().all(|m| m.matches(labels)) && !self.nodes[last].continues
            };
            if stops || next == children.len() {
                if stops && next < children.len() {
                    tell(Step::SiblingsSkipped { after: children[next - 1], skipped: children.len() - next });
                }
                if !matched {
                    tell(Step::End(node));
                }
                continue;
            }
            let child = children[next];
            let entered = self.enter(child, labels, tell);
            open.push((node, next + 1, matched || entered));
            if entered {
                open.push((child, 0, false));
            }
        }
    }

    fn enter(&self, node: usize, labels: &Labels, tell: &mut dyn FnMut(Step)) -> bool {
        match self.nodes[node].matchers.iter().position(|m| !m.matches(labels)) {
            Some(matcher) => {
                tell(Step::Refused { node, matcher });
                false
            }
            None => {
                tell(Step::Entered(node));
                true
            }
        }
    }

    /// The labels a node groups an alert by.
    pub fn group_labels(&self, node: usize, labels: &Labels) -> Labels {
        match &self.nodes[node].group_by {
            GroupBy::All => labels.clone(),
            GroupBy::Labels(names) => {
                let mut builder = labels.builder();
                builder.retain(|l| names.contains(&l.name));
                builder.build()
            }
        }
    }
}

/// A step of a label set's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// All matchers of the node hold.
    Entered(usize),
    /// A matcher of the node does not hold; the nodes below are not looked at.
    Refused {
        /// The node.
        node: usize,
        /// The place of the first matcher that does not hold.
        matcher: usize,
    },
    /// The node matched and does not continue: its later siblings are not looked at.
    SiblingsSkipped {
        /// The node that matched.
        after: usize,
        /// How many are left out.
        skipped: usize,
    },
    /// The node is a destination.
    End(usize),
}

fn apply(node: &mut RouteNode, route: &Route, config: &Config, version: Version) {
    if let Some(receiver) = route.receiver.as_deref().and_then(|r| config.receiver(r)) {
        node.receiver = receiver.clone();
    }
    match &route.group_by {
        // Before 0.31 an empty list could not be told from one that was left out.
        Some(GroupBy::Labels(names)) if names.is_empty() && version < Version::V0_31 => {}
        Some(group_by) => node.group_by = group_by.clone(),
        None => {}
    }
    node.group_wait = route.group_wait.unwrap_or(node.group_wait);
    node.group_interval = route.group_interval.unwrap_or(node.group_interval);
    node.repeat_interval = route.repeat_interval.unwrap_or(node.repeat_interval);
    if !route.labels.is_empty() {
        let mut labels = (*node.labels).clone();
        labels.extend(route.labels.iter().map(|(k, v)| (k.clone(), v.clone())));
        node.labels = Arc::new(labels);
    }
    node.matchers.clone_from(&route.matchers);
    node.matchers.sort_by(|a, b| (&a.name, &a.value, a.op).cmp(&(&b.name, &b.value, b.op)));
    node.continues = route.continues;
    node.mute_time_intervals.clone_from(&route.mute_time_intervals);
    node.active_time_intervals.clone_from(&route.active_time_intervals);
    node.span = route.span;
    let matchers = show_matchers(&node.matchers);
    node.key = if node.parent.is_some() { format!("{}/{matchers}", node.key) } else { matchers }.into();
}

/// Matchers as keys show them: `{a="b",c=~"d"}`.
pub fn show_matchers(matchers: &[Matcher]) -> String {
    let shown: Vec<String> = matchers.iter().map(show_matcher).collect();
    format!("{{{}}}", shown.join(","))
}

/// A matcher as keys show it; names with reserved characters are quoted.
pub fn show_matcher(m: &Matcher) -> String {
    if m.name.chars().any(|c| c.is_whitespace() || "{}!=~,\\\"'`".contains(c)) {
        return format!("{}{}{}", crate::golang::quote(&m.name), m.op.as_str(), crate::golang::quote(&m.value));
    }
    let mut out = format!("{}{}\"", m.name, m.op.as_str());
    for c in m.value.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            c => {
                let _ = write!(out, "{c}");
            }
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::SourceText;

    const TREE: &str = "
route:
  receiver: root
  group_by: [alertname]
  routes:
  - matchers: [team=~a|b]
    receiver: team
    group_by: []
    group_interval: 7s
    routes:
    - matchers: ['sev=\"page\"', 'area!=x']
      continue: true
      receiver: page
    - matchers: [sev=page]
      group_by: ['...']
  - matchers: [team=a]
    receiver: late
receivers: [{name: root}, {name: team}, {name: page}, {name: late}]
";

    fn tree(version: Version) -> RouteTree {
        let config = Config::load(&SourceText::new("am.yml", TREE), version).config.expect("a good file");
        RouteTree::new(&config, version)
    }

    fn ends(pairs: &[(&str, &str)]) -> Vec<String> {
        let tree = tree(Version::LATEST);
        let ends = tree.matching(&Labels::from_pairs(pairs.iter().copied()));
        ends.into_iter().map(|n| format!("{} {}", tree.nodes()[n].receiver.name, tree.nodes()[n].key)).collect()
    }

    #[test]
    fn the_first_match_takes_the_alert_unless_it_continues() {
        assert_eq!(ends(&[("team", "c")]), ["root {}"]);
        assert_eq!(ends(&[("team", "a")]), [r#"team {}/{team=~"a|b"}"#]);
        let page = [r#"page {}/{team=~"a|b"}/{area!="x",sev="page"}"#, r#"team {}/{team=~"a|b"}/{sev="page"}"#];
        assert_eq!(ends(&[("team", "b"), ("sev", "page")]), page);
    }

    #[test]
    fn children_inherit_and_an_empty_group_by_counts_since_0_31() {
        for (version, group_by) in [(Version::V0_30, vec!["alertname".into()]), (Version::V0_31, vec![])] {
            let tree = tree(version);
            assert_eq!(tree.nodes()[1].group_by, GroupBy::Labels(group_by));
            let page = &tree.nodes()[tree.nodes()[1].children[0]];
            assert_eq!((page.group_interval, page.group_wait), (Duration::from_secs(7), Duration::from_secs(30)));
            assert_eq!(tree.nodes()[tree.nodes()[1].children[1]].group_by, GroupBy::All);
        }
    }

    #[test]
    fn a_walk_tells_what_was_refused_and_what_was_left_out() {
        let tree = tree(Version::LATEST);
        let mut steps = Vec::new();
        tree.walk(&Labels::from_pairs([("team", "a")]), &mut |s| steps.push(s));
        let below = &tree.nodes()[1].children;
        assert_eq!(steps[..2], [Step::Entered(0), Step::Entered(1)]);
        assert_eq!(steps[2], Step::Refused { node: below[0], matcher: 1 });
        assert_eq!(steps[4..], [Step::End(1), Step::SiblingsSkipped { after: 1, skipped: 1 }]);
    }
}
