//! `K/N`: the part of a batch that one of many machines does.

use std::str::FromStr;

/// Part `index` of `count`, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: usize,
    count: usize,
}

impl FromStr for Shard {
    type Err = String;

    /// `K/N` with K from 1 to N; `auto` or `auto/N` takes what is missing from the environment of an array job.
    fn from_str(text: &str) -> Result<Self, String> {
        Self::read(text, |name| std::env::var(name).ok())
    }
}

impl Shard {
    fn read(text: &str, variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let number = |name: &str| variable(name).and_then(|v| v.parse::<usize>().ok());
        let (index, count) = text.split_once('/').map_or((text, None), |(k, n)| (k, Some(n)));
        let count =
            count.map(|n| n.parse::<usize>().map_err(|_| format!("{n:?} is no number of shards"))).transpose()?;
        let (index, told) = if index == "auto" {
            let slurm = || {
                let first = number("SLURM_ARRAY_TASK_MIN").unwrap_or(0);
                Some((number("SLURM_ARRAY_TASK_ID")?.checked_sub(first)?, number("SLURM_ARRAY_TASK_COUNT")))
            };
            let kubernetes = || Some((number("JOB_COMPLETION_INDEX")?, number("JOB_COMPLETIONS")));
            let gitlab = || Some((number("CI_NODE_INDEX")?.checked_sub(1)?, number("CI_NODE_TOTAL")));
            kubernetes()
                .or_else(slurm)
                .or_else(gitlab)
                .ok_or("auto: no JOB_COMPLETION_INDEX, SLURM_ARRAY_TASK_ID or CI_NODE_INDEX in the environment")?
        } else {
            let k: usize = index.parse().map_err(|_| format!("{text:?} is not K/N"))?;
            (k.checked_sub(1).ok_or("shards are counted from 1")?, None)
        };
        let count = count.or(told).ok_or("the number of shards is missing, wanted K/N or auto/N")?;
        if index >= count {
            return Err(format!("shard {} of {count} does not exist", index + 1));
        }
        Ok(Self { index, count })
    }

    /// Whether the subject at this position of the whole batch belongs to the part.
    pub fn holds(self, position: usize) -> bool {
        position % self.count == self.index
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str, environment: &[(&str, &str)]) -> Result<Shard, String> {
        Shard::read(text, |name| environment.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
    }

    #[test]
    fn every_subject_is_in_exactly_one_shard() {
        let shards: Vec<Shard> = (1..=3).map(|k| format!("{k}/3").parse().unwrap()).collect();
        assert!((0..20).all(|i| shards.iter().filter(|s| s.holds(i)).count() == 1));
        for wrong in ["0/3", "4/3", "x/3", "3", "1/0", "auto"] {
            assert!(with(wrong, &[]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn array_jobs_tell_their_index() {
        let third = Shard { index: 2, count: 5 };
        assert_eq!(with("auto/5", &[("JOB_COMPLETION_INDEX", "2")]), Ok(third));
        let slurm = [("SLURM_ARRAY_TASK_ID", "12"), ("SLURM_ARRAY_TASK_MIN", "10"), ("SLURM_ARRAY_TASK_COUNT", "5")];
        assert_eq!(with("auto", &slurm), Ok(third));
        assert_eq!(with("auto", &[("CI_NODE_INDEX", "3"), ("CI_NODE_TOTAL", "5")]), Ok(third));
    }
}
