//! When a target is scraped: at absolute times that follow from a hash of the target and of the server.
//!
//! Mirrors `Target.offset` and the manager's offset seed; verified against a recorded run to the millisecond.

use crate::model::{HashLayout, Labels, Time, label_hash};

const FNV_OFFSET: u64 = 14_695_981_039_346_656_037;
const FNV_PRIME: u64 = 1_099_511_628_211;

fn fnv1a(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |h, b| (h ^ u64::from(*b)).wrapping_mul(FNV_PRIME))
}

/// The server's part of every target's offset: its host name and external labels.
pub fn offset_seed(fqdn: &str, external_labels: &Labels) -> u64 {
    fnv1a(fnv1a(FNV_OFFSET, fqdn.as_bytes()), external_labels.to_string().as_bytes())
}

/// A target's own hash; two targets with the same one are merged. `labels` are all labels, those in `__` included.
pub fn target_hash(labels: &Labels, url: &str, layout: HashLayout) -> u64 {
    let text = format!("{:016}", label_hash(labels, layout));
    fnv1a(fnv1a(FNV_OFFSET, text.as_bytes()), url.as_bytes())
}

/// Where in its interval a target is scraped, in nanoseconds.
pub fn target_offset(hash: u64, seed: u64, interval_ns: i64) -> i64 {
    ((hash ^ seed) % interval_ns.max(1).unsigned_abs()) as i64
}

/// The first time after `now` that is `offset` modulo `interval_ns`.
pub fn next_slot(now: Time, offset: i64, interval_ns: i64) -> Time {
    let interval = interval_ns.max(1);
    now.plus_nanos(interval - (now.0 - offset).rem_euclid(interval))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(instance: &str, job: &str) -> Labels {
        Labels::from_pairs([
            ("__address__", instance),
            ("__metrics_path__", "/metrics"),
            ("__scheme__", "http"),
            ("__scrape_interval__", "5s"),
            ("__scrape_timeout__", "5s"),
            ("instance", instance),
            ("job", job),
        ])
    }

    #[test]
    fn offsets_are_those_of_a_recorded_2_42_server() {
        let seed = offset_seed("localhost", &Labels::from_pairs([("lab", "conf"), ("x", "ext")]));
        for (address, job, ms) in [("127.0.0.1:19101", "fake", 621), ("127.0.0.1:19102", "dead", 646)] {
            let hash = target_hash(&target(address, job), &format!("http://{address}/metrics"), HashLayout::Separated);
            assert_eq!(target_offset(hash, seed, 5_000_000_000) / 1_000_000, ms);
        }
    }

    #[test]
    fn the_next_slot_is_strictly_later() {
        assert_eq!(next_slot(Time(10), 0, 5), Time(15));
        assert_eq!(next_slot(Time(11), 0, 5), Time(15));
        assert_eq!(next_slot(Time(11), 2, 5), Time(12));
        assert_eq!(next_slot(Time(-1), 2, 5), Time(2));
    }
}
