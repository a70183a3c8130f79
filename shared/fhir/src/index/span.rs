//! How an index stores an interval: as its first moment and how long it lasts. Most last no time, a second or a day, and the same
//! digits twice would be the largest part of a small index.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Of an interval without an end, so that all of them are the same bytes.
const FOREVER: u64 = u64::MAX;

fn lasts(low: i64, high: i64) -> u64 {
    if high == i64::MAX { FOREVER } else { high.wrapping_sub(low).cast_unsigned() }
}

fn high(low: i64, lasts: u64) -> i64 {
    if lasts == FOREVER { i64::MAX } else { low.wrapping_add(lasts.cast_signed()) }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands the fields over so")]
pub(super) fn serialize<S: Serializer>(low: &i64, high: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    (low, lasts(*low, *high)).serialize(serializer)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(i64, i64), D::Error> {
    let (low, lasts) = <(i64, u64)>::deserialize(deserializer)?;
    Ok((low, high(low, lasts)))
}

/// The same with the clocks of both ends: mostly that is one.
pub(super) mod zoned {
    use super::{Deserialize, Deserializer, Serialize, Serializer, high, lasts};
    use crate::date::Offsets;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands the fields over so")]
    pub fn serialize<S: Serializer>(
        low: &i64,
        high: &i64,
        offsets: &Offsets,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        (low, lasts(*low, *high), offsets.low, offsets.high.wrapping_sub(offsets.low)).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(i64, i64, Offsets), D::Error> {
        let (low, lasts, offset, differs) = <(i64, u64, i16, i16)>::deserialize(deserializer)?;
        Ok((low, high(low, lasts), Offsets { low: offset, high: offset.wrapping_add(differs) }))
    }
}
