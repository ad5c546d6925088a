//! Points as exact fractions, rounded once and so that the parts still add up to the whole.

use std::cmp::Reverse;

/// `points` out of `of`, on a scale of `scale` points, in units of `10^-decimals`; halves are rounded up.
pub fn scaled(points: u32, of: u32, scale: u32, decimals: u32) -> u64 {
    let unit = 10_u64.pow(decimals.min(6));
    let of = u64::from(of.max(1));
    (2 * u64::from(points) * u64::from(scale) * unit + of) / (2 * of)
}

/// The parts of a whole on another scale, each rounded so that together they are the rounded whole.
pub fn parts(points: &[u32], of: u32, scale: u32, decimals: u32) -> Vec<u64> {
    let unit = u128::from(10_u64.pow(decimals.min(6)));
    let of = u128::from(of.max(1));
    let whole = u128::from(scaled(points.iter().sum(), u32::try_from(of).unwrap_or(u32::MAX), scale, decimals));
    let exact: Vec<u128> = points.iter().map(|p| u128::from(*p) * u128::from(scale) * unit).collect();
    let mut rounded: Vec<u128> = exact.iter().map(|e| e / of).collect();
    let missing = whole.saturating_sub(rounded.iter().sum());
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_by_key(|i| Reverse(exact[*i] % of));
    for i in order.into_iter().take(usize::try_from(missing).unwrap_or(0)) {
        rounded[i] += 1;
    }
    rounded.into_iter().map(|r| u64::try_from(r).unwrap_or(u64::MAX)).collect()
}

/// A number of units as people write it: `7.5` for 750 with two decimals.
pub fn written(units: u64, decimals: u32) -> String {
    let unit = 10_u64.pow(decimals.min(6));
    let (whole, rest) = (units / unit, units % unit);
    if rest == 0 {
        return whole.to_string();
    }
    let digits = format!("{rest:0width$}", width = decimals as usize);
    format!("{whole}.{}", digits.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up_after_rounding() {
        let third = parts(&[1, 1, 1], 3, 10, 2);
        assert_eq!((third.iter().sum::<u64>(), scaled(3, 3, 10, 2)), (1000, 1000));
        assert_eq!(third, [334, 333, 333]);
        assert_eq!(parts(&[1, 1, 0], 3, 10, 0).iter().sum::<u64>(), scaled(2, 3, 10, 0));
    }

    proptest::proptest! {
        #[test]
        fn parts_of_any_lab_add_up_on_any_scale(
            criteria in proptest::collection::vec((0_u32..50, proptest::bool::ANY), 1..40),
            scale in 1_u32..1000,
            decimals in 0_u32..3,
        ) {
            let of: u32 = criteria.iter().map(|(points, _)| points).sum();
            let earned: Vec<u32> = criteria.iter().map(|(points, pass)| if *pass { *points } else { 0 }).collect();
            let possible: Vec<u32> = criteria.iter().map(|(points, _)| *points).collect();
            let (earned_parts, possible_parts) = (parts(&earned, of, scale, decimals), parts(&possible, of, scale, decimals));
            proptest::prop_assert_eq!(earned_parts.iter().sum::<u64>(), scaled(earned.iter().sum(), of, scale, decimals));
            proptest::prop_assert_eq!(possible_parts.iter().sum::<u64>(), scaled(of, of, scale, decimals));
            for (part, points) in earned_parts.iter().zip(&earned) {
                // Rounded by less than one unit, and nothing is given for nothing.
                let exact = f64::from(*points) * f64::from(scale) * 10_f64.powi(decimals as i32) / f64::from(of.max(1));
                proptest::prop_assert!((*part as f64 - exact).abs() < 1.0 && (*points > 0 || *part == 0));
            }
        }
    }

    #[test]
    fn numbers_have_no_needless_zeros() {
        assert_eq!((written(750, 2), written(700, 2), written(705, 2)), ("7.5".into(), "7".into(), "7.05".into()));
    }
}
