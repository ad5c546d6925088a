//! Go's `sort.Sort`: not stable, so where elements are equal (or NaN, which goes before everything and itself) their
//! order is the algorithm's own. Pattern-defeating quicksort as Go has it since 1.19.

use super::GoVersion;

/// Up to so many elements are sorted by insertion, which keeps equal ones in order.
const MAX_INSERTION: usize = 12;
/// From so many on the pivot is a median of medians, and few misplaced elements are put right by insertion.
const LARGE: usize = 50;
/// As many exchanges as a median of medians can take: the elements are in reverse.
const MAX_SWAPS: u32 = 12;

/// Sorts as Go's `sort.Sort` does; `less` need not be a consistent order.
pub fn sort<T>(items: &mut [T], version: GoVersion, less: impl Fn(&T, &T) -> bool) {
    let n = items.len();
    let limit = usize::BITS - n.leading_zeros();
    Sorter { items, less, version }.quick(0, n, limit);
}

struct Sorter<'a, T, F> {
    items: &'a mut [T],
    less: F,
    version: GoVersion,
}

#[derive(PartialEq, Eq)]
enum Hint {
    Unknown,
    Increasing,
    Decreasing,
}

impl<T, F: Fn(&T, &T) -> bool> Sorter<'_, T, F> {
    fn less(&self, i: usize, j: usize) -> bool {
        (self.less)(&self.items[i], &self.items[j])
    }

    /// Sorts the elements from `a` to before `b`, by heap once `limit` bad pivots were chosen.
    fn quick(&mut self, mut a: usize, mut b: usize, mut limit: u32) {
        let (mut balanced, mut partitioned) = (true, true);
        loop {
            let len = b - a;
            if len <= MAX_INSERTION {
                return self.insertion(a, b);
            }
            if limit == 0 {
                return self.heap(a, b);
            }
            if !balanced {
                self.break_patterns(a, b);
                limit -= 1;
            }
            let (mut pivot, mut hint) = self.pivot(a, b);
            if hint == Hint::Decreasing {
                self.items[a..b].reverse();
                pivot = (b - 1) - (pivot - a);
                hint = Hint::Increasing;
            }
            if balanced && partitioned && hint == Hint::Increasing && self.partial_insertion(a, b) {
                return;
            }
            if a > 0 && !self.less(a - 1, pivot) {
                a = self.partition_equal(a, b, pivot);
                continue;
            }
            let middle;
            (middle, partitioned) = self.partition(a, b, pivot);
            let (left, right) = (middle - a, b - middle);
            balanced = left.min(right) >= len / 8;
            if left < right {
                self.quick(a, middle, limit);
                a = middle + 1;
            } else {
                self.quick(middle + 1, b, limit);
                b = middle;
            }
        }
    }

    fn insertion(&mut self, a: usize, b: usize) {
        for i in a + 1..b {
            let mut j = i;
            while j > a && self.less(j, j - 1) {
                self.items.swap(j, j - 1);
                j -= 1;
            }
        }
    }

    fn heap(&mut self, first: usize, b: usize) {
        let len = b - first;
        for i in (0..=(len - 1) / 2).rev() {
            self.sift_down(i, len, first);
        }
        for i in (0..len).rev() {
            self.items.swap(first, first + i);
            self.sift_down(0, i, first);
        }
    }

    fn sift_down(&mut self, mut root: usize, len: usize, first: usize) {
        loop {
            let mut child = 2 * root + 1;
            if child >= len {
                return;
            }
            if child + 1 < len && self.less(first + child, first + child + 1) {
                child += 1;
            }
            if !self.less(first + root, first + child) {
                return;
            }
            self.items.swap(first + root, first + child);
            root = child;
        }
    }

    /// Smaller elements to the left of the pivot; gives its place, and whether they were there already.
    fn partition(&mut self, a: usize, b: usize, pivot: usize) -> (usize, bool) {
        self.items.swap(a, pivot);
        let (mut i, mut j) = (a + 1, b - 1);
        let mut untouched = true;
        loop {
            while i <= j && self.less(i, a) {
                i += 1;
            }
            while i <= j && !self.less(j, a) {
                j -= 1;
            }
            if i > j {
                break;
            }
            untouched = false;
            self.items.swap(i, j);
            i += 1;
            j -= 1;
        }
        self.items.swap(j, a);
        (j, untouched)
    }

    /// Elements equal to the pivot to the left; gives where the others begin.
    fn partition_equal(&mut self, a: usize, b: usize, pivot: usize) -> usize {
        self.items.swap(a, pivot);
        let (mut i, mut j) = (a + 1, b - 1);
        loop {
            while i <= j && !self.less(a, i) {
                i += 1;
            }
            while i <= j && self.less(a, j) {
                j -= 1;
            }
            if i > j {
                return i;
            }
            self.items.swap(i, j);
            i += 1;
            j -= 1;
        }
    }

    /// Puts a few misplaced elements right; whether all is sorted then.
    fn partial_insertion(&mut self, a: usize, b: usize) -> bool {
        let mut i = a + 1;
        for _ in 0..5 {
            while i < b && !self.less(i, i - 1) {
                i += 1;
            }
            if i == b {
                return true;
            }
            if b - a < LARGE {
                return false;
            }
            self.items.swap(i, i - 1);
            if i - a >= 2 {
                for j in (1..i).rev() {
                    if !self.less(j, j - 1) {
                        break;
                    }
                    self.items.swap(j, j - 1);
                }
            }
            if b - i >= 2 {
                for j in i + 1..b {
                    if !self.less(j, j - 1) {
                        break;
                    }
                    self.items.swap(j, j - 1);
                }
            }
        }
        false
    }

    /// Scatters three elements around the middle.
    fn break_patterns(&mut self, a: usize, b: usize) {
        let len = b - a;
        let mut random = len as u64;
        let mask = (1u64 << (u64::BITS - random.leading_zeros())) - 1;
        let around = a + (len / 4) * 2 - 1;
        for i in 0..3 {
            random ^= random << 13;
            let (right, left) = if self.version == GoVersion::V1_19 { (17, 5) } else { (7, 17) };
            random ^= random >> right;
            random ^= random << left;
            let other = (random & mask) as usize;
            let other = if other >= len { other - len } else { other };
            self.items.swap(around - 1 + i, a + other);
        }
    }

    fn pivot(&self, a: usize, b: usize) -> (usize, Hint) {
        let len = b - a;
        let mut swaps = 0;
        let quarter = len / 4;
        let (mut i, mut j, mut k) = (a + quarter, a + quarter * 2, a + quarter * 3);
        if len >= LARGE {
            i = self.median(i - 1, i, i + 1, &mut swaps);
            j = self.median(j - 1, j, j + 1, &mut swaps);
            k = self.median(k - 1, k, k + 1, &mut swaps);
        }
        let pivot = self.median(i, j, k, &mut swaps);
        let hint = match swaps {
            0 => Hint::Increasing,
            MAX_SWAPS => Hint::Decreasing,
            _ => Hint::Unknown,
        };
        (pivot, hint)
    }

    fn median(&self, a: usize, b: usize, c: usize, swaps: &mut u32) -> usize {
        let mut ordered = |x: usize, y: usize| {
            if self.less(y, x) {
                *swaps += 1;
                (y, x)
            } else {
                (x, y)
            }
        };
        let (a, b) = ordered(a, b);
        let (b, _) = ordered(b, c);
        ordered(a, b).1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// xorshift64
    fn random(state: &mut u64) -> u64 {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        *state
    }

    #[test]
    fn everything_is_sorted_whatever_its_order_was() {
        let mut state = 7;
        for n in (0..80).chain([500, 3_000]) {
            for distinct in [1, 3, 1_000_000] {
                let mut items: Vec<u64> = (0..n).map(|_| random(&mut state) % distinct).collect();
                let mut wanted = items.clone();
                wanted.sort_unstable();
                sort(&mut items, GoVersion::V1_19, |a, b| a < b);
                assert_eq!(items, wanted);
                items.reverse();
                sort(&mut items, GoVersion::Current, |a, b| a < b);
                assert_eq!(items, wanted);
            }
        }
    }

    #[test]
    fn an_order_without_sense_ends() {
        for n in [2usize, 12, 13, 60, 1_000] {
            let mut items: Vec<usize> = (0..n).collect();
            sort(&mut items, GoVersion::V1_19, |_, _| true);
            sort(&mut items, GoVersion::Current, |a, b| (a * 7919) % 11 < (b * 104_729) % 13);
            items.sort_unstable();
            assert_eq!(items, (0..n).collect::<Vec<_>>());
        }
    }

    #[test]
    fn few_elements_that_all_go_first_are_reversed() {
        let mut items = ["x", "y", "z"];
        sort(&mut items, GoVersion::Current, |_, _| true);
        assert_eq!(items, ["z", "y", "x"]);
    }
}
