//! The kinds of service discovery, as tables of fields and rules on their values.
//!
//! labkit runs `static_configs` and `file_sd_configs`; of all others it only says whether Prometheus would accept them.

use super::schema::{Field, Kind, Schema, field, later};
use super::{Discovery, FileDiscovery, FileOwner, FileUse, NameScheme, Reader, TargetGroup};
use crate::golang::quote;
use crate::model::Labels;
use crate::promql::signature::Release;
use crate::yaml::{Decoder, Duration, Mapping, Node, Spanned};

/// One kind of service discovery.
pub(super) struct DiscoveryKind {
    /// The name in `NAME_sd_configs`.
    pub name: &'static str,
    /// The field's name.
    pub section: &'static str,
    go_type: &'static str,
    since: Release,
    /// Whether the fields of an HTTP client stand inline.
    http: bool,
    /// Debian builds Prometheus without it.
    pub not_in_debian: bool,
    fields: &'static [Field],
    /// Fields that must have a value, with Prometheus' words.
    required: &'static [(&'static str, &'static str)],
}

const STRUCT: &str =
    "struct { Targets []string \"yaml:\\\"targets\\\"\"; Labels model.LabelSet \"yaml:\\\"labels\\\"\" }";

const REFRESH: Field = field("refresh_interval", Kind::Duration);
const PORT: Field = field("port", Kind::Int);
const FILTER: Schema =
    Schema { go_type: "moby.Filter", fields: &[field("name", Kind::Text), field("values", Kind::Texts)] };
const EC2_FILTER: Schema =
    Schema { go_type: "aws.EC2Filter", fields: &[field("name", Kind::Text), field("values", Kind::Texts)] };
const NAMESPACES: Schema =
    Schema { go_type: "kubernetes.plain", fields: &[field("own_namespace", Kind::Bool), field("names", Kind::Texts)] };
const SELECTOR: Schema = Schema {
    go_type: "kubernetes.SelectorConfig",
    fields: &[field("role", Kind::Text), field("label", Kind::Text), field("field", Kind::Text)],
};
const ATTACH: Schema = Schema {
    go_type: "kubernetes.AttachMetadataConfig",
    fields: &[field("node", Kind::Bool), later("namespace", Kind::Bool, (3, 5))],
};

const fn kind(
    name: &'static str,
    section: &'static str,
    go_type: &'static str,
    fields: &'static [Field],
    required: &'static [(&'static str, &'static str)],
) -> DiscoveryKind {
    DiscoveryKind { name, section, go_type, since: (0, 0), http: true, not_in_debian: false, fields, required }
}

const fn without_http(k: DiscoveryKind) -> DiscoveryKind {
    DiscoveryKind { http: false, ..k }
}

const fn outside_debian(k: DiscoveryKind) -> DiscoveryKind {
    DiscoveryKind { not_in_debian: true, ..k }
}

const fn since(since: Release, k: DiscoveryKind) -> DiscoveryKind {
    DiscoveryKind { since, ..k }
}

const ZOOKEEPER: &[Field] =
    &[field("servers", Kind::Texts), field("paths", Kind::Texts), field("timeout", Kind::Duration)];

/// Every kind but `static` and `file`.
pub(super) const KINDS: &[DiscoveryKind] = &[
    kind(
        "azure",
        "azure_sd_configs",
        "azure.plain",
        &[
            field("environment", Kind::Text),
            PORT,
            field("subscription_id", Kind::Text),
            field("tenant_id", Kind::Text),
            field("client_id", Kind::Text),
            field("client_secret", Kind::Secret),
            REFRESH,
            field("authentication_method", Kind::Text),
            field("resource_group", Kind::Text),
        ],
        &[("subscription_id", "azure SD configuration requires a subscription_id")],
    ),
    outside_debian(kind(
        "consul",
        "consul_sd_configs",
        "consul.plain",
        &[
            field("server", Kind::Text),
            later("path_prefix", Kind::Text, (2, 43)),
            field("token", Kind::Secret),
            field("datacenter", Kind::Text),
            field("namespace", Kind::Text),
            field("partition", Kind::Text),
            field("tag_separator", Kind::Text),
            field("scheme", Kind::Text),
            field("username", Kind::Text),
            field("password", Kind::Secret),
            field("allow_stale", Kind::Bool),
            field("services", Kind::Texts),
            field("tags", Kind::Texts),
            field("node_meta", Kind::TextMap),
            later("filter", Kind::Text, (3, 0)),
            later("health_filter", Kind::Text, (3, 10)),
            REFRESH,
        ],
        &[],
    )),
    kind(
        "digitalocean",
        "digitalocean_sd_configs",
        "digitalocean.plain",
        &[REFRESH, PORT, later("role", Kind::Text, (3, 10))],
        &[],
    ),
    kind(
        "docker",
        "docker_sd_configs",
        "moby.plain",
        &[
            field("host", Kind::Text),
            PORT,
            field("filters", Kind::Many("[]moby.Filter", &FILTER)),
            field("host_networking_host", Kind::Text),
            REFRESH,
            later("match_first_network", Kind::Bool, (2, 54)),
        ],
        &[("host", "host missing")],
    ),
    kind(
        "dockerswarm",
        "dockerswarm_sd_configs",
        "moby.plain",
        &[
            field("host", Kind::Text),
            field("role", Kind::Text),
            PORT,
            field("filters", Kind::Many("[]moby.Filter", &FILTER)),
            REFRESH,
        ],
        &[("host", "host missing"), ("role", "role missing (one of: tasks, services, nodes)")],
    ),
    without_http(kind(
        "dns",
        "dns_sd_configs",
        "dns.plain",
        &[field("names", Kind::Texts), REFRESH, field("type", Kind::Text), PORT],
        &[("names", "DNS-SD config must contain at least one SRV record name")],
    )),
    kind("ec2", "ec2_sd_configs", "aws.plain", AWS, &[("region", "EC2 SD configuration requires a region")]),
    kind(
        "eureka",
        "eureka_sd_configs",
        "eureka.plain",
        &[field("server", Kind::Text), REFRESH],
        &[("server", "eureka_sd: empty or null eureka server")],
    ),
    without_http(kind(
        "gce",
        "gce_sd_configs",
        "gce.plain",
        &[
            field("project", Kind::Text),
            field("zone", Kind::Text),
            field("filter", Kind::Text),
            REFRESH,
            PORT,
            field("tag_separator", Kind::Text),
        ],
        &[("project", "GCE SD configuration requires a project"), ("zone", "GCE SD configuration requires a zone")],
    )),
    kind(
        "hetzner",
        "hetzner_sd_configs",
        "hetzner.plain",
        &[field("role", Kind::Text), REFRESH, PORT, later("label_selector", Kind::Text, (3, 5))],
        &[("role", "role missing (one of: robot, hcloud)")],
    ),
    kind("http", "http_sd_configs", "http.plain", &[field("url", Kind::Text), REFRESH], &[("url", "URL is missing")]),
    kind(
        "ionos",
        "ionos_sd_configs",
        "ionos.plain",
        &[field("datacenter_id", Kind::Text), REFRESH, PORT],
        &[("datacenter_id", "datacenter id can't be empty")],
    ),
    outside_debian(kind(
        "kubernetes",
        "kubernetes_sd_configs",
        "kubernetes.plain",
        &[
            field("api_server", Kind::Url),
            field("role", Kind::Text),
            field("kubeconfig_file", Kind::Text),
            field("namespaces", Kind::One(&NAMESPACES)),
            field("selectors", Kind::Many("[]kubernetes.SelectorConfig", &SELECTOR)),
            field("attach_metadata", Kind::One(&ATTACH)),
        ],
        &[("role", "role missing (one of: pod, service, endpoints, endpointslice, node, ingress)")],
    )),
    outside_debian(kind(
        "kuma",
        "kuma_sd_configs",
        "xds.plain",
        &[
            field("server", Kind::Text),
            REFRESH,
            field("fetch_timeout", Kind::Duration),
            later("client_id", Kind::Text, (2, 47)),
        ],
        &[("server", "kuma SD server must not be empty")],
    )),
    kind(
        "lightsail",
        "lightsail_sd_configs",
        "aws.plain",
        AWS,
        &[("region", "Lightsail SD configuration requires a region")],
    ),
    outside_debian(kind(
        "linode",
        "linode_sd_configs",
        "linode.plain",
        &[REFRESH, PORT, field("tag_separator", Kind::Text), later("region", Kind::Text, (2, 52))],
        &[],
    )),
    kind(
        "marathon",
        "marathon_sd_configs",
        "marathon.plain",
        &[
            field("servers", Kind::Texts),
            REFRESH,
            field("auth_token", Kind::Secret),
            field("auth_token_file", Kind::Text),
        ],
        &[("servers", "marathon_sd: must contain at least one Marathon server")],
    ),
    without_http(kind(
        "nerve",
        "nerve_sd_configs",
        "zookeeper.plain",
        ZOOKEEPER,
        &[
            ("servers", "nerve SD config must contain at least one Zookeeper server"),
            ("paths", "nerve SD config must contain at least one path"),
        ],
    )),
    outside_debian(kind(
        "nomad",
        "nomad_sd_configs",
        "nomad.plain",
        &[
            field("allow_stale", Kind::Bool),
            field("namespace", Kind::Text),
            REFRESH,
            field("region", Kind::Text),
            field("server", Kind::Text),
            field("tag_separator", Kind::Text),
        ],
        &[("server", "nomad SD configuration requires a server address")],
    )),
    without_http(kind(
        "openstack",
        "openstack_sd_configs",
        "openstack.plain",
        &[
            field("identity_endpoint", Kind::Text),
            field("username", Kind::Text),
            field("userid", Kind::Text),
            field("password", Kind::Secret),
            field("project_name", Kind::Text),
            field("project_id", Kind::Text),
            field("domain_name", Kind::Text),
            field("domain_id", Kind::Text),
            field("application_credential_name", Kind::Text),
            field("application_credential_id", Kind::Text),
            field("application_credential_secret", Kind::Secret),
            field("role", Kind::Text),
            field("region", Kind::Text),
            REFRESH,
            PORT,
            field("all_tenants", Kind::Bool),
            field("tls_config", Kind::Tls),
            field("availability", Kind::Text),
        ],
        &[
            ("role", "role missing (one of: instance, hypervisor)"),
            ("region", "openstack SD configuration requires a region"),
        ],
    )),
    since(
        (3, 10),
        kind(
            "outscale",
            "outscale_sd_configs",
            "outscale.plain",
            &[
                field("region", Kind::Text),
                field("endpoint", Kind::Text),
                field("access_key", Kind::Text),
                field("secret_key", Kind::Secret),
                field("secret_key_file", Kind::Text),
                REFRESH,
                PORT,
            ],
            &[],
        ),
    ),
    without_http(kind(
        "ovhcloud",
        "ovhcloud_sd_configs",
        "ovhcloud.plain",
        &[
            field("endpoint", Kind::Text),
            field("application_key", Kind::Text),
            field("application_secret", Kind::Secret),
            field("consumer_key", Kind::Secret),
            REFRESH,
            field("service", Kind::Text),
        ],
        &[
            ("application_key", "application key can not be empty"),
            ("application_secret", "application secret can not be empty"),
            ("consumer_key", "consumer key can not be empty"),
        ],
    )),
    kind(
        "puppetdb",
        "puppetdb_sd_configs",
        "puppetdb.plain",
        &[field("url", Kind::Text), field("query", Kind::Text), field("include_parameters", Kind::Bool), REFRESH, PORT],
        &[("url", "URL is missing"), ("query", "query missing")],
    ),
    kind(
        "scaleway",
        "scaleway_sd_configs",
        "scaleway.plain",
        &[
            field("project_id", Kind::Text),
            field("api_url", Kind::Text),
            field("zone", Kind::Text),
            field("access_key", Kind::Text),
            field("secret_key", Kind::Secret),
            field("secret_key_file", Kind::Text),
            field("name_filter", Kind::Text),
            field("tags_filter", Kind::Texts),
            REFRESH,
            PORT,
            field("role", Kind::Text),
        ],
        &[
            ("role", "role missing (one of: instance, baremetal)"),
            ("project_id", "project_id is mandatory"),
            ("access_key", "access_key is mandatory"),
        ],
    ),
    without_http(kind(
        "serverset",
        "serverset_sd_configs",
        "zookeeper.plain",
        ZOOKEEPER,
        &[
            ("servers", "serverset SD config must contain at least one Zookeeper server"),
            ("paths", "serverset SD config must contain at least one path"),
        ],
    )),
    since(
        (3, 6),
        kind(
            "stackit",
            "stackit_sd_configs",
            "stackit.plain",
            &[
                field("project", Kind::Text),
                field("endpoint", Kind::Text),
                field("region", Kind::Text),
                REFRESH,
                PORT,
                field("service_account_key", Kind::Secret),
                field("service_account_key_path", Kind::Text),
                field("private_key", Kind::Secret),
                field("private_key_path", Kind::Text),
                field("credentials_file_path", Kind::Text),
            ],
            &[],
        ),
    ),
    without_http(kind(
        "triton",
        "triton_sd_configs",
        "triton.plain",
        &[
            field("account", Kind::Text),
            field("role", Kind::Text),
            field("dns_suffix", Kind::Text),
            field("endpoint", Kind::Text),
            field("groups", Kind::Texts),
            PORT,
            REFRESH,
            field("tls_config", Kind::Tls),
            field("version", Kind::Int),
        ],
        &[
            ("account", "triton SD configuration requires an account"),
            ("dns_suffix", "triton SD configuration requires a dns_suffix"),
            ("endpoint", "triton SD configuration requires an endpoint"),
        ],
    )),
    kind(
        "uyuni",
        "uyuni_sd_configs",
        "uyuni.plain",
        &[
            field("server", Kind::Text),
            field("username", Kind::Text),
            field("password", Kind::Secret),
            field("entitlement", Kind::Text),
            field("separator", Kind::Text),
            REFRESH,
        ],
        &[
            ("server", "Uyuni SD configuration requires server host"),
            ("username", "Uyuni SD configuration requires a username"),
            ("password", "Uyuni SD configuration requires a password"),
        ],
    ),
    kind(
        "vultr",
        "vultr_sd_configs",
        "vultr.plain",
        &[REFRESH, PORT, later("instance_type", Kind::Text, (3, 10))],
        &[],
    ),
    since((3, 8), kind("aws", "aws_sd_configs", "aws.plain", AWS_ALL, &[])),
];

const AWS: &[Field] = &[
    field("endpoint", Kind::Text),
    field("region", Kind::Text),
    field("access_key", Kind::Text),
    field("secret_key", Kind::Secret),
    field("profile", Kind::Text),
    field("role_arn", Kind::Text),
    later("external_id", Kind::Text, (3, 10)),
    REFRESH,
    PORT,
    field("filters", Kind::Many("[]*aws.EC2Filter", &EC2_FILTER)),
];

const AWS_ALL: &[Field] = &[
    field("role", Kind::Text),
    field("endpoint", Kind::Text),
    field("region", Kind::Text),
    field("access_key", Kind::Text),
    field("secret_key", Kind::Secret),
    field("profile", Kind::Text),
    field("role_arn", Kind::Text),
    field("external_id", Kind::Text),
    field("clusters", Kind::Texts),
    field("request_concurrency", Kind::Int),
    REFRESH,
    PORT,
    field("filters", Kind::Many("[]*aws.EC2Filter", &EC2_FILTER)),
];

impl DiscoveryKind {
    /// Go's name for the list.
    fn list_type(&self) -> String {
        let package = self.go_type.split('.').next().unwrap_or(self.name);
        let own = match self.name {
            "docker" => "Docker",
            "dockerswarm" => "DockerSwarm",
            "ec2" => "EC2",
            "lightsail" => "Lightsail",
            "nerve" => "Nerve",
            "serverset" => "Serverset",
            _ => "",
        };
        format!("[]*{package}.{own}SDConfig")
    }

    /// Whether a release notices contradictions among the fields of the HTTP client; not all kinds always did.
    fn checks_http(&self, release: Release) -> bool {
        release >= (2, 48) || !matches!(self.name, "azure" | "ec2" | "http" | "lightsail" | "puppetdb" | "uyuni")
    }
}

impl Reader<'_> {
    /// Every kind of discovery of a job or an Alertmanager.
    pub(super) fn discovery(&self, m: &Mapping<'_>) -> Discovery {
        let mut found = Discovery {
            static_configs: m.list("static_configs", "[]*targetgroup.Group", |d, n| {
                if n.is_null() {
                    empty_section(m, "static_configs");
                    return None;
                }
                self.target_group(d, n)
            }),
            file_sd_configs: m.list("file_sd_configs", "[]*file.SDConfig", |d, n| {
                if n.is_null() {
                    empty_section(m, "file_sd_configs");
                    return None;
                }
                self.file_discovery(d, n)
            }),
            others: Vec::new(),
        };
        for kind in KINDS {
            if (self.debian && kind.not_in_debian) || !self.knows(m, kind.section, kind.since) {
                continue;
            }
            let Some(node) = m.some(kind.section) else { continue };
            found.others.push(Spanned { value: kind.name, span: m.key_span(kind.section) });
            m.decoder().list(node, &kind.list_type(), |d, n| {
                if n.is_null() {
                    empty_section(m, kind.section);
                } else {
                    self.other_discovery(d, n, kind);
                }
                Some(())
            });
        }
        found
    }

    pub(super) fn target_group(&self, d: &Decoder, node: &Node) -> Option<TargetGroup> {
        let m = d.mapping(node, STRUCT)?;
        m.hints(&[("target", "write `targets: [\"host:port\"]`")]);
        let group = TargetGroup {
            targets: m.strings("targets"),
            labels: m
                .some("labels")
                .map_or_else(Labels::empty, |n| self.label_set(d, n, "model.LabelSet", self.is_v3())),
            span: m.start_span(),
        };
        m.finish();
        Some(group)
    }

    /// Labels with names and values checked.
    pub(super) fn label_set(&self, d: &Decoder, node: &Node, go_type: &'static str, utf8: bool) -> Labels {
        let Some(m) = d.mapping(node, go_type) else { return Labels::empty() };
        let mut pairs: Vec<(String, String)> = Vec::new();
        for (name, value) in m.entries() {
            let valid =
                if utf8 { !name.value.is_empty() } else { super::relabel_rules::is_legacy_label_name(&name.value) };
            if !valid {
                let help = "use letters, digits and underscores, and begin with a letter";
                d.error_help(name.span, format!("{} is not a valid label name", quote(&name.value)), help);
                continue;
            }
            if value.is_null() {
                pairs.push((name.value, String::new()));
            } else if let Some(v) = d.string(value) {
                pairs.push((name.value, v.value));
            }
        }
        m.finish();
        Labels::from_pairs(pairs)
    }

    fn file_discovery(&self, d: &Decoder, node: &Node) -> Option<FileDiscovery> {
        let m = d.mapping(node, "file.plain")?;
        m.hints(&[("file", "write `files: [\"targets.json\"]`")]);
        let files = m.strings("files");
        if files.is_empty() {
            d.error(m.start_span(), "file service discovery config must contain at least one path name");
        }
        for file in &files {
            if !is_file_discovery_pattern(&file.value) {
                let message = format!("path name {} is not valid for file discovery", quote(&file.value));
                d.error_help(
                    file.span,
                    message,
                    "name a .json, .yml or .yaml file; `*` may stand in the last part of the path only",
                );
            }
            self.file(FileUse::Targets, Some(file.clone()));
        }
        let refresh_interval = m.duration("refresh_interval").map_or(Duration::from_secs(300), |d| d.value);
        m.finish();
        Some(FileDiscovery { files, refresh_interval })
    }

    fn other_discovery(&self, d: &Decoder, node: &Node, kind: &'static DiscoveryKind) {
        let Some(m) = d.mapping(node, kind.go_type) else { return };
        let before = d.count();
        let owner =
            self.owner.replace(if kind.name == "kubernetes" { FileOwner::Kubernetes } else { FileOwner::Other });
        self.check_fields(&m, kind.fields);
        let http = match kind.http {
            true if kind.checks_http(self.release) => self.http_client(&m),
            true => self.unchecked_http_client(&m),
            false => super::http_client::HttpClient::default(),
        };
        self.owner.set(owner);
        // Consul and Nomad have a default server: only an empty one is refused.
        let defaulted = matches!(kind.name, "consul" | "nomad");
        if d.count() == before {
            let missing = kind.required.iter().find(|(name, _)| match m.some(name) {
                None => !defaulted,
                Some(n) => n.as_str().is_some_and(str::is_empty) || (n.scalar().is_none() && n.items().is_empty()),
            });
            if let Some((name, words)) = missing {
                d.error_help(m.key_span(name), *words, format!("set `{name}`"));
            } else if let Some((name, words)) = self.discovery_problem(&m, kind.name, http) {
                d.error(m.key_span(name), words);
            }
        }
        m.finish();
    }

    /// The names that labels may have where the whole file decides.
    pub(super) fn default_names(&self) -> NameScheme {
        if self.is_v3() { NameScheme::Utf8 } else { NameScheme::Legacy }
    }
}

fn empty_section(m: &Mapping<'_>, section: &'static str) {
    let message = format!("empty or null section in {section}");
    m.decoder().error_help(m.key_span(section), message, "remove the empty item, or fill it in");
}

/// `^[^*]*(\*[^/]*)?\.(json|yml|yaml|JSON|YML|YAML)$`
fn is_file_discovery_pattern(path: &str) -> bool {
    let known = ["json", "yml", "yaml", "JSON", "YML", "YAML"];
    let Some((stem, extension)) = path.rsplit_once('.') else { return false };
    known.contains(&extension) && stem.split_once('*').is_none_or(|(_, after)| !after.contains('/'))
}
