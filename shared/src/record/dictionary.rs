//! zstd with dictionaries: text that rows have in common is stored once, here, and not in every row.
//!
//! The number of a dictionary is the format byte of a row. A new dictionary is a file and a line below; the earlier ones
//! stay, for the rows that were written with them. `cargo bench --workspace --profile dev --bench dictionary -- --train`
//! makes one, and says how many bytes it saves (`docs/decisions/012-a-row-names-its-dictionary.md`).

use std::cell::RefCell;
use std::sync::OnceLock;

use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::{DecoderDictionary, EncoderDictionary};
use zstd::zstd_safe::{CParameter, get_frame_content_size};

/// The dictionaries, by number, from 1. No line is ever changed or removed.
const DICTIONARIES: [&[u8]; 1] = [include_bytes!("dictionary/1.zdict")];

/// The number of the dictionary that rows are written with.
#[expect(clippy::cast_possible_truncation, reason = "they are counted on fingers")]
pub(super) const NEWEST: u8 = DICTIONARIES.len() as u8;

/// zstd's level, chosen by price and time (decision 12).
const LEVEL: i32 = 12;

/// The level that takes ten times as long for 2 to 3 % fewer bytes.
const HARD_LEVEL: i32 = 19;

/// How hard to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effort {
    /// As every row is packed.
    Plain,
    /// Where a few bytes decide.
    Hard,
}

/// The magic number that begins every frame (RFC 8878 §3.1.1). Rows are stored without it.
const MAGIC: [u8; 4] = 0xFD2F_B528_u32.to_le_bytes();

/// Compresses with the newest dictionary. The frame says how long its content is. It has neither the magic number nor the dictionary's
/// own id.
pub(super) fn compress(plain: &[u8], effort: Effort) -> std::io::Result<Vec<u8>> {
    static DIGESTED: [OnceLock<EncoderDictionary<'static>>; 2] = [const { OnceLock::new() }; 2];
    thread_local! {
        static COMPRESSORS: RefCell<[Option<Compressor<'static>>; 2]> = const { RefCell::new([const { None }; 2]) };
    }
    let level = if effort == Effort::Hard { HARD_LEVEL } else { LEVEL };
    COMPRESSORS.with_borrow_mut(|made| {
        let made = &mut made[effort as usize];
        let compressor = if let Some(compressor) = made {
            compressor
        } else {
            let newest = DICTIONARIES[usize::from(NEWEST) - 1];
            let digested = DIGESTED[effort as usize].get_or_init(|| EncoderDictionary::copy(newest, level));
            let mut compressor = Compressor::with_prepared_dictionary(digested)?;
            compressor.set_parameter(CParameter::DictIdFlag(false))?;
            made.insert(compressor)
        };
        Ok(compressor.compress(plain)?.split_off(MAGIC.len()))
    })
}

/// The reverse of [`compress`] for a frame of dictionary `number`; `None` where there is no such dictionary, or the frame is damaged.
/// Each process digests a dictionary once, when it reads the first row of it, and each thread keeps its decompressors.
pub(super) fn decompress(number: u8, frame: &[u8]) -> Option<Vec<u8>> {
    static DIGESTED: [OnceLock<DecoderDictionary<'static>>; DICTIONARIES.len()] =
        [const { OnceLock::new() }; DICTIONARIES.len()];
    thread_local! {
        static DECOMPRESSORS: RefCell<[Option<Decompressor<'static>>; DICTIONARIES.len()]> =
            const { RefCell::new([const { None }; DICTIONARIES.len()]) };
    }
    let place = usize::from(number).checked_sub(1)?;
    let dictionary = DICTIONARIES.get(place)?;
    DECOMPRESSORS.with_borrow_mut(|made| {
        let decompressor = match &mut made[place] {
            Some(decompressor) => decompressor,
            empty => {
                let digested = DIGESTED[place].get_or_init(|| DecoderDictionary::copy(dictionary));
                empty.insert(Decompressor::with_prepared_dictionary(digested).ok()?)
            }
        };
        let frame = [MAGIC.as_slice(), frame].concat();
        let mut plain = Vec::new();
        plain.try_reserve_exact(usize::try_from(get_frame_content_size(&frame).ok()??).ok()?).ok()?;
        decompressor.decompress_to_buffer(&frame, &mut plain).ok()?;
        Some(plain)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dictionary_gives_back_what_was_compressed_with_it() {
        let text = r#"{"resourceType":"Observation","id":"a","status":"final"}"#.repeat(3);
        for (number, dictionary) in (1..).zip(DICTIONARIES) {
            let mut compressor = Compressor::with_dictionary(3, dictionary).unwrap();
            let frame = compressor.compress(text.as_bytes()).unwrap().split_off(MAGIC.len());
            assert_eq!(decompress(number, &frame).unwrap(), text.as_bytes(), "{number}");
            assert!(decompress(number, &frame[..frame.len() - 1]).is_none());
        }
        for effort in [Effort::Plain, Effort::Hard] {
            assert_eq!(decompress(NEWEST, &compress(text.as_bytes(), effort).unwrap()).unwrap(), text.as_bytes());
        }
        let frame = compress(b"", Effort::Plain).unwrap();
        assert!(decompress(0, &frame).is_none() && decompress(NEWEST + 1, &frame).is_none());
        assert_eq!(decompress(NEWEST, &frame).unwrap(), b"");
    }
}
