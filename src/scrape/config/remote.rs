//! Sections that labkit checks but does not run: remote storage, storage, tracing, OTLP, runtime.

use super::relabel_rules::RuleOf;
use super::schema::{Field, Kind, Schema, field, later};
use super::{FileOwner, NameScheme, Reader, peek};
use crate::golang::quote;
use crate::yaml::{Decoder, Mapping, Node};

const QUEUE: Schema = Schema {
    go_type: "config.QueueConfig",
    fields: &[
        field("capacity", Kind::Int),
        field("max_shards", Kind::Int),
        field("min_shards", Kind::Int),
        field("max_samples_per_send", Kind::Int),
        field("batch_send_deadline", Kind::Duration),
        field("min_backoff", Kind::Duration),
        field("max_backoff", Kind::Duration),
        field("retry_on_http_429", Kind::Bool),
        later("sample_age_limit", Kind::Duration, (2, 50)),
    ],
};

const METADATA: Schema = Schema {
    go_type: "config.MetadataConfig",
    fields: &[
        field("send", Kind::Bool),
        field("send_interval", Kind::Duration),
        field("max_samples_per_send", Kind::Int),
    ],
};

const SIGV4: &[Field] = &[
    field("region", Kind::Text),
    field("access_key", Kind::Text),
    field("secret_key", Kind::Secret),
    field("profile", Kind::Text),
    field("role_arn", Kind::Text),
    later("external_id", Kind::Text, (3, 10)),
    later("use_fips_sts_endpoint", Kind::Bool, (3, 6)),
];

const AZURE_AD: &[Field] = &[
    field("cloud", Kind::Text),
    field("managed_identity", Kind::Any),
    field("oauth", Kind::Any),
    field("sdk", Kind::Any),
    field("workload_identity", Kind::Any),
    field("scope", Kind::Text),
];

const WRITE: &[Field] = &[
    field("url", Kind::Url),
    field("remote_timeout", Kind::Duration),
    field("headers", Kind::TextMap),
    field("name", Kind::Text),
    field("send_exemplars", Kind::Bool),
    field("send_native_histograms", Kind::Bool),
    later("round_robin_dns", Kind::Bool, (3, 1)),
    later("protobuf_message", Kind::Text, (2, 54)),
    field("queue_config", Kind::One(&QUEUE)),
    field("metadata_config", Kind::One(&METADATA)),
    later(
        "google_iam",
        Kind::One(&Schema { go_type: "googleiam.Config", fields: &[field("credentials_file", Kind::Text)] }),
        (2, 55),
    ),
];

const READ: &[Field] = &[
    field("url", Kind::Url),
    field("remote_timeout", Kind::Duration),
    later("chunked_read_limit", Kind::Uint("uint64"), (2, 55)),
    field("headers", Kind::TextMap),
    field("read_recent", Kind::Bool),
    field("name", Kind::Text),
    field("filter_external_labels", Kind::Bool),
];

const OTLP: &[Field] = &[
    field("promote_resource_attributes", Kind::Texts),
    later("promote_all_resource_attributes", Kind::Bool, (3, 5)),
    later("ignore_resource_attributes", Kind::Texts, (3, 5)),
    field("translation_strategy", Kind::Text),
    later("keep_identifying_resource_attributes", Kind::Bool, (3, 1)),
    later("convert_histograms_to_nhcb", Kind::Bool, (3, 4)),
    later("promote_scope_metadata", Kind::Bool, (3, 6)),
    later("label_name_underscore_sanitization", Kind::Bool, (3, 8)),
    later("label_name_preserve_multiple_underscores", Kind::Bool, (3, 8)),
];

const RESERVED_HEADERS: [&str; 15] = [
    "host",
    "content-encoding",
    "content-length",
    "content-type",
    "user-agent",
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "www-authenticate",
    "accept-encoding",
    "x-prometheus-remote-write-version",
    "x-prometheus-remote-read-version",
    "x-amz-date",
    "x-amz-security-token",
];

impl Reader<'_> {
    /// `remote_write` and `remote_read`: how many there are.
    pub(super) fn remotes(&self, m: &Mapping<'_>, names: NameScheme) -> usize {
        self.owner.set(FileOwner::Other);
        let mut seen: Vec<String> = Vec::new();
        let writes =
            m.list("remote_write", "[]*config.RemoteWriteConfig", |d, n| self.remote(m, d, n, names, &mut seen, true));
        seen.clear();
        let reads =
            m.list("remote_read", "[]*config.RemoteReadConfig", |d, n| self.remote(m, d, n, names, &mut seen, false));
        writes.len() + reads.len()
    }

    fn remote(
        &self,
        top: &Mapping<'_>,
        d: &Decoder,
        node: &Node,
        names: NameScheme,
        seen: &mut Vec<String>,
        write: bool,
    ) -> Option<()> {
        let (section, what) = if write { ("remote_write", "write") } else { ("remote_read", "read") };
        if node.is_null() {
            d.error(top.key_span(section), format!("empty or null remote {what} config section"));
            return None;
        }
        let m = d.mapping(node, "config.plain")?;
        self.check_fields(&m, if write { WRITE } else { READ });
        if m.some("url").is_none() {
            d.error_help(m.key_span("url"), format!("url for {section} is empty"), "set `url`");
        }
        if write {
            self.relabel_rules(&m, "write_relabel_configs", RuleOf::RemoteWrite, names);
        } else if let Some(matchers) = m.some("required_matchers") {
            self.label_set(d, matchers, "model.LabelSet", self.is_v3());
        }
        let http = self.http_client(&m);
        self.headers_allowed(&m, write, section);
        if write {
            self.write_authentication(&m, http);
            let message = peek(&m, "protobuf_message");
            if !["", "prometheus.WriteRequest", "io.prometheus.write.v2.Request"].contains(&message)
                && self.release >= (2, 54)
            {
                let words = format!(
                    "invalid protobuf_message value: unknown type for remote write protobuf message {message}, supported: \
                     prometheus.WriteRequest, io.prometheus.write.v2.Request"
                );
                d.error(m.key_span("protobuf_message"), words);
            }
        }
        let name = peek(&m, "name").to_owned();
        if !name.is_empty() && seen.contains(&name) {
            let message = format!("found multiple remote {what} configs with job name {}", quote(&name));
            d.error(m.key_span("name"), message);
        }
        seen.push(name);
        m.finish();
        Some(())
    }

    fn headers_allowed(&self, m: &Mapping<'_>, write: bool, section: &str) {
        let d = m.decoder();
        let Some(headers) = m.some("headers") else { return };
        for (key, _) in headers.entries() {
            let Some(name) = key.as_str() else { continue };
            let lower = name.to_lowercase();
            if lower == "authorization" {
                let words = if section == "tracing" {
                    "custom authorization header configuration is not yet supported"
                } else if self.is_v3() {
                    "authorization header must be changed via the basic_auth, authorization, oauth2, sigv4, azuread or google_iam parameter"
                } else {
                    "authorization header must be changed via the basic_auth, authorization, oauth2, or sigv4 parameter"
                };
                d.error(key.span(), words);
            } else if RESERVED_HEADERS.contains(&lower.as_str()) || (write && lower == "x-amz-content-sha256") {
                d.error(key.span(), format!("{name} is a reserved header. It must not be changed"));
            }
        }
    }

    fn write_authentication(&self, m: &Mapping<'_>, http: super::http_client::HttpClient) {
        let d = m.decoder();
        let sigv4 = m.some("sigv4").is_some();
        if sigv4 {
            self.sigv4(m);
        }
        let azure = self.knows(m, "azuread", (2, 45)) && m.some("azuread").is_some();
        if let Some(a) = azure.then(|| m.nested("azuread", "azuread.AzureADConfig")).flatten() {
            self.check_fields(&a, AZURE_AD);
            let ways = ["managed_identity", "oauth", "sdk", "workload_identity"];
            if ways.iter().filter(|w| a.some(w).is_some()).count() != 1 {
                let words = "must provide exactly one of managed_identity, oauth, sdk or workload_identity in the Azure AD config";
                d.error(a.start_span(), words);
            }
            a.finish();
        }
        let google = self.release >= (2, 55) && m.some("google_iam").is_some();
        let configured = [http.basic_auth, http.authorization || http.bearer, http.oauth2, sigv4, azure, google];
        if configured.iter().filter(|c| **c).count() > 1 {
            let words = if self.release >= (2, 45) {
                "at most one of basic_auth, authorization, oauth2, sigv4, azuread or google_iam must be configured"
            } else {
                "at most one of basic_auth, authorization, oauth2, & sigv4 must be configured"
            };
            d.error(m.start_span(), words);
        }
    }

    /// `sigv4`
    pub(super) fn sigv4(&self, m: &Mapping<'_>) {
        let Some(s) = m.nested("sigv4", "sigv4.plain") else { return };
        self.check_fields(&s, SIGV4);
        if peek(&s, "access_key").is_empty() != peek(&s, "secret_key").is_empty() {
            let words =
                "must provide a AWS SigV4 Access key and Secret Key if credentials are specified in the SigV4 config";
            m.decoder().error(s.start_span(), words);
        }
        s.finish();
    }

    /// `storage`, `tracing`, `otlp`, `runtime`, and what only the whole file can show.
    pub(super) fn other_sections(&self, m: &Mapping<'_>, names: NameScheme) {
        self.escapings(m, names);
        if let Some(storage) = m.nested("storage", "config.StorageConfig") {
            self.storage(&storage);
            storage.finish();
        }
        if let Some(tracing) = m.nested("tracing", "config.plain") {
            self.tracing(&tracing);
            tracing.finish();
        }
        if self.knows(m, "otlp", (2, 55))
            && let Some(otlp) = m.nested("otlp", "config.plain")
        {
            self.otlp(&otlp, names);
            otlp.finish();
        }
        if self.knows(m, "runtime", (2, 53))
            && let Some(runtime) = m.nested("runtime", "config.RuntimeConfig")
        {
            runtime.int("gogc");
            runtime.finish();
        }
    }

    fn storage(&self, m: &Mapping<'_>) {
        let d = m.decoder();
        if let Some(exemplars) = m.nested("exemplars", "config.ExemplarsConfig") {
            exemplars.with("max_exemplars", |d, n| d.int(n, "int64"));
            exemplars.finish();
        }
        let Some(tsdb) = m.nested("tsdb", "config.plain") else { return };
        tsdb.with("out_of_order_time_window", Decoder::duration);
        if self.knows(&tsdb, "stale_series_compaction_threshold", (3, 9)) {
            tsdb.float("stale_series_compaction_threshold");
        }
        if self.knows(&tsdb, "retention", (3, 9))
            && let Some(retention) = tsdb.nested("retention", "config.TSDBRetentionConfig")
        {
            retention.duration("time");
            self.bytes(&retention, "size");
            if peek(&retention, "size").starts_with('-') {
                d.error(retention.key_span("size"), "'storage.tsdb.retention.size' must be greater than or equal to 0");
            }
            if let Some(p) = retention.float("percentage")
                && !(0.0..=100.0).contains(&p.value)
            {
                d.error(p.span, "'storage.tsdb.retention.percentage' must be in the range [0, 100]");
            }
            retention.finish();
        }
        tsdb.finish();
    }

    fn tracing(&self, m: &Mapping<'_>) {
        const FIELDS: &[Field] = &[
            field("client_type", Kind::Text),
            field("endpoint", Kind::Text),
            field("sampling_fraction", Kind::Float),
            field("insecure", Kind::Bool),
            field("tls_config", Kind::Tls),
            field("headers", Kind::TextMap),
            field("compression", Kind::Text),
            field("timeout", Kind::Duration),
        ];
        let d = m.decoder();
        self.check_fields(m, FIELDS);
        self.headers_allowed(m, true, "tracing");
        let client = peek(m, "client_type");
        if !["", "http", "grpc"].contains(&client) {
            let words = format!("expected tracing client type to be to be http or grpc, but got {client}");
            d.error(m.key_span("client_type"), words);
        }
        if peek(m, "endpoint").is_empty() {
            d.error_help(m.key_span("endpoint"), "tracing endpoint must be set", "set `endpoint`");
        }
        let compression = peek(m, "compression");
        if !["", "gzip"].contains(&compression) {
            let words = format!("invalid compression type {compression} provided, valid options: gzip");
            d.error(m.key_span("compression"), words);
        }
    }

    fn otlp(&self, m: &Mapping<'_>, names: NameScheme) {
        let d = m.decoder();
        self.check_fields(m, OTLP);
        let strategy = peek(m, "translation_strategy");
        match strategy {
            "" | "UnderscoreEscapingWithSuffixes" | "UnderscoreEscapingWithoutSuffixes" => {}
            "NoTranslation" | "NoUTF8EscapingWithSuffixes" if names == NameScheme::Legacy => {
                let words =
                    format!("OTLP translation strategy {} is not allowed when UTF8 is disabled", quote(strategy));
                d.error(m.key_span("translation_strategy"), words);
            }
            "NoTranslation" | "NoUTF8EscapingWithSuffixes" => {}
            other => d.error(
                m.key_span("translation_strategy"),
                format!("unsupported OTLP translation strategy {}", quote(other)),
            ),
        }
        let all = peek(m, "promote_all_resource_attributes") == "true";
        let list = |name| m.some(name).map_or(&[][..], Node::items);
        let (promoted, ignored) = (list("promote_resource_attributes"), list("ignore_resource_attributes"));
        if all && !promoted.is_empty() {
            let words = "'promote_all_resource_attributes' and 'promote_resource_attributes' cannot be configured simultaneously";
            d.error(m.key_span("promote_resource_attributes"), words);
        }
        if !all && !ignored.is_empty() {
            let words =
                "'ignore_resource_attributes' cannot be configured unless 'promote_all_resource_attributes' is true";
            d.error(m.key_span("ignore_resource_attributes"), words);
        }
        for (items, word) in [(promoted, "promoted"), (ignored, "ignored")] {
            let mut seen: Vec<&str> = Vec::new();
            for item in items {
                let name = item.as_str().unwrap_or("").trim();
                if name.is_empty() {
                    d.error(item.span(), format!("empty {word} OTel resource attribute"));
                } else if seen.contains(&name) {
                    d.error(item.span(), format!("duplicated {word} OTel resource attribute {}", quote(name)));
                }
                seen.push(name);
            }
        }
    }
}
