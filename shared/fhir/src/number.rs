//! Numbers as searches compare them (R4 search, "Number" and "Quantity"): decimal, and exactly.
//!
//! A decimal of FHIR may have any number of digits and any exponent, so this is a type of our own: `rust_decimal` holds 28 digits, and
//! `bigdecimal` writes both sides of a comparison out to the same exponent, which is gigabytes for `1e999999999`. A search needs no more
//! than the order of two numbers and the neighbours of one, and digits give both.

use std::cmp::Ordering;

use super::date::Prefix;

/// A decimal number, as ±0.ddd… × 10^`exponent`: neither the first nor the last digit is 0, and zero has no digits. So the larger of
/// two positive numbers has the larger exponent or, of equal exponents, the digits that come later in the alphabet.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Decimal {
    is_negative: bool,
    exponent: i64,
    digits: Vec<u8>,
}

impl Decimal {
    /// The whole number that has these digits, times 10^`last`.
    fn new(is_negative: bool, digits: &[u8], last: i64) -> Decimal {
        let leading = digits.iter().take_while(|digit| **digit == 0).count();
        let trailing = digits[leading..].iter().rev().take_while(|digit| **digit == 0).count();
        if leading == digits.len() {
            return Decimal { is_negative: false, exponent: 0, digits: Vec::new() };
        }
        let exponent = last + length(digits) - length(&digits[..leading]);
        Decimal { is_negative, exponent, digits: digits[leading..digits.len() - trailing].to_vec() }
    }

    fn parse(text: &str) -> Option<Decimal> {
        Written::parse(text).map(|written| written.exact())
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let sign = |number: &Decimal| match (number.digits.is_empty(), number.is_negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        let size = self.exponent.cmp(&other.exponent).then_with(|| self.digits.cmp(&other.digits));
        let of_one_sign = if self.is_negative { size.reverse() } else { size };
        sign(self).cmp(&sign(other)).then(of_one_sign)
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A number with the precision in which it is written: its digits, trailing zeros included, and the power of ten of the last one.
struct Written {
    is_negative: bool,
    digits: Vec<u8>,
    last: i64,
}

impl Written {
    /// Reads a JSON number. A search may also write `+5`, `.5`, `5.` and `05`.
    fn parse(text: &str) -> Option<Written> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let is_negative = mantissa.starts_with('-');
        let mantissa = mantissa.strip_prefix(['-', '+']).unwrap_or(mantissa);
        let (whole, decimals) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits: Vec<u8> = whole.bytes().chain(decimals.bytes()).map(|byte| byte.wrapping_sub(b'0')).collect();
        let last = i64::from(exponent) - length(decimals.as_bytes());
        (!digits.is_empty() && digits.iter().all(|digit| *digit < 10)).then_some(Written { is_negative, digits, last })
    }

    fn exact(&self) -> Decimal {
        Decimal::new(self.is_negative, &self.digits, self.last)
    }

    /// All numbers that round to this one, its precision being half of the last digit: 100 is [99.5, 100.5).
    fn rounded(&self) -> (Decimal, Decimal) {
        self.neighbours((10, -5), (10, 5))
    }

    /// All numbers that are approximately this one. R4 recommends 10 % of the stated value.
    fn nearby(&self) -> (Decimal, Decimal) {
        self.neighbours((9, 0), (11, 0))
    }

    /// The lower and the higher neighbour, where (`times`, `plus`) makes a neighbour's size in tenths of this one's last digit.
    fn neighbours(&self, inner: (i16, i16), outer: (i16, i16)) -> (Decimal, Decimal) {
        let is_zero = self.digits.iter().all(|digit| *digit == 0);
        let away = |is_negative, (times, plus): (i16, i16)| {
            Decimal::new(is_negative, &times_plus(&self.digits, times, plus), self.last - 1)
        };
        match (is_zero, self.is_negative) {
            (true, _) => (away(true, outer), away(false, outer)),
            (false, true) => (away(true, outer), away(true, inner)),
            (false, false) => (away(false, inner), away(false, outer)),
        }
    }
}

/// Multiplies a whole number and adds to it; the result must not be negative.
fn times_plus(digits: &[u8], times: i16, plus: i16) -> Vec<u8> {
    let mut carry = plus;
    let mut result = Vec::with_capacity(digits.len() + 2);
    let mut push = |sum: i16| {
        result.push(u8::try_from(sum.rem_euclid(10)).unwrap_or_default());
        sum.div_euclid(10)
    };
    for digit in digits.iter().rev() {
        carry = push(i16::from(*digit) * times + carry);
    }
    while carry > 0 {
        carry = push(carry);
    }
    result.reverse();
    result
}

fn length(digits: &[u8]) -> i64 {
    i64::try_from(digits.len()).unwrap_or(i64::MAX)
}

/// All numbers that a resource's element may stand for. An end that is absent is open.
#[derive(Debug)]
pub(super) struct Extent {
    low: Option<End>,
    high: Option<End>,
}

#[derive(Debug)]
struct End {
    at: Decimal,
    is_included: bool,
}

impl Extent {
    /// Of one number.
    pub(super) fn of(number: &str) -> Option<Extent> {
        Extent::between(Some(number), Some(number))
    }

    /// From one number to another, as [`Value::Range`](crate::index::Value::Range) writes them: an end after `<` or `>` is not included.
    pub(super) fn between(low: Option<&str>, high: Option<&str>) -> Option<Extent> {
        let end = |text: Option<&str>| {
            let Some(text) = text else { return Some(None) };
            let number = text.trim_start_matches(['<', '>']);
            Some(Some(End { at: Decimal::parse(number)?, is_included: number.len() == text.len() }))
        };
        Some(Extent { low: end(low)?, high: end(high)? })
    }

    /// Whether some of it lies above this.
    fn passes(&self, number: &Decimal) -> bool {
        self.high.as_ref().is_none_or(|end| end.at > *number)
    }

    /// Whether some of it lies at this or above.
    fn reaches(&self, number: &Decimal) -> bool {
        self.high.as_ref().is_none_or(|end| end.at > *number || (end.at == *number && end.is_included))
    }

    /// Whether some of it lies below this.
    fn begins_before(&self, number: &Decimal) -> bool {
        self.low.as_ref().is_none_or(|end| end.at < *number)
    }

    /// Whether some of it lies at this or below.
    fn begins_by(&self, number: &Decimal) -> bool {
        self.low.as_ref().is_none_or(|end| end.at < *number || (end.at == *number && end.is_included))
    }
}

/// The number of a search, with its prefix.
#[derive(Clone, Debug)]
pub(super) struct Criterion {
    prefix: Prefix,
    /// The least number that it asks for.
    low: Decimal,
    /// The end of what it asks for. Only `eq`, `ne` and `ap` ask for more than one number: the others take the value as it is written
    /// (R4 search, "Prefixes").
    high: Decimal,
}

impl Criterion {
    /// Reads `[prefix]number`.
    pub(super) fn parse(text: &str) -> Option<Criterion> {
        let (prefix, number) = Prefix::split(text)?;
        let written = Written::parse(number)?;
        let (low, high) = match prefix {
            Prefix::Eq | Prefix::Ne => written.rounded(),
            Prefix::Ap => written.nearby(),
            _ => (written.exact(), written.exact()),
        };
        Some(Criterion { prefix, low, high })
    }

    /// Whether it holds of a resource's element (R4 search, "Prefixes"): equal means that the search's range holds all of it; above
    /// and below mean that some of it lies there, `sa` and `eb` that all of it does.
    pub(super) fn holds(&self, has: &Extent) -> bool {
        match self.prefix {
            Prefix::Eq => self.contains(has),
            Prefix::Ne => !self.contains(has),
            Prefix::Gt => has.passes(&self.high),
            Prefix::Ge => has.reaches(&self.high),
            Prefix::Lt => has.begins_before(&self.low),
            Prefix::Le => has.begins_by(&self.low),
            Prefix::Sa => !has.begins_by(&self.high),
            Prefix::Eb => !has.reaches(&self.low),
            Prefix::Ap => has.reaches(&self.low) && has.begins_by(&self.high),
        }
    }

    /// The range of rounding has its lower end and not its higher one.
    fn contains(&self, has: &Extent) -> bool {
        !has.begins_before(&self.low) && !has.reaches(&self.high)
    }
}

#[cfg(test)]
mod tests;
