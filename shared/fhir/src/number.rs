//! Numbers as searches mean them: with the precision they are written in.

use super::date::Prefix;

/// What a number of this precision stands for (R4 search, "Number"): 100 is [99.5, 100.5).
pub(super) fn range(text: &str) -> Option<(f64, f64)> {
    let number: f64 = text.parse().ok().filter(|number: &f64| number.is_finite())?;
    let mantissa = text.split(['e', 'E']).next()?;
    let exponent: i32 = text.split(['e', 'E']).nth(1).map_or(Some(0), |text| text.parse().ok())?;
    let decimals =
        mantissa.split_once('.').map_or(0, |(_, decimals)| i32::try_from(decimals.len()).unwrap_or(i32::MAX));
    let half = 0.5 * 10f64.powi(exponent.saturating_sub(decimals));
    Some((number - half, number + half))
}

/// Whether a resource's number matches the range under a prefix.
pub(super) fn in_range(prefix: Prefix, has: f64, low: f64, high: f64) -> bool {
    let within = low <= has && has < high;
    let exact = f64::midpoint(low, high);
    match prefix {
        Prefix::Eq => within,
        Prefix::Ne => !within,
        Prefix::Gt | Prefix::Sa => has > exact,
        Prefix::Lt | Prefix::Eb => has < exact,
        Prefix::Ge => has >= exact,
        Prefix::Le => has <= exact,
        Prefix::Ap => (has - exact).abs() <= nearness(exact),
    }
}

/// How far off is still approximately: R4 recommends 10 % of the stated value. In binary 1.1 - 1.0 is a hair more than 0.1.
fn nearness(exact: f64) -> f64 {
    exact.abs() * (0.1 + 1e-12)
}

/// The same for a resource's range (R4 search, "Prefixes"): equal means that the search's range holds all of it, and above and
/// below mean that some of it lies there.
pub(super) fn range_in_range(prefix: Prefix, (from, to): (f64, f64), low: f64, high: f64) -> bool {
    let within = low <= from && to < high;
    let exact = f64::midpoint(low, high);
    let near = nearness(exact);
    match prefix {
        Prefix::Eq => within,
        Prefix::Ne => !within,
        Prefix::Gt => to > exact,
        Prefix::Lt => from < exact,
        Prefix::Ge => to >= exact,
        Prefix::Le => from <= exact,
        Prefix::Sa => from > exact,
        Prefix::Eb => to < exact,
        Prefix::Ap => from <= exact + near && to >= exact - near,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_stands_for_all_that_round_to_it() {
        assert_eq!(range("100"), Some((99.5, 100.5)));
        assert_eq!(range("1.0"), Some((0.95, 1.05)));
        assert_eq!(range("1e2"), Some((50.0, 150.0)));
        assert!(range("x").is_none() && range("inf").is_none() && range("").is_none());
        let (low, high) = range("100").unwrap();
        assert!(in_range(Prefix::Eq, 100.4, low, high) && !in_range(Prefix::Eq, 100.6, low, high));
        assert!(in_range(Prefix::Gt, 100.1, low, high) && !in_range(Prefix::Gt, 100.0, low, high));
        let (low, high) = range("1.0").unwrap();
        assert!(in_range(Prefix::Ap, 1.1, low, high) && in_range(Prefix::Ap, 0.9, low, high));
        assert!(!in_range(Prefix::Ap, 1.11, low, high) && !in_range(Prefix::Ap, 0.89, low, high));
    }
}
