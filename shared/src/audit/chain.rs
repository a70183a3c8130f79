//! The closing of a day: a manifest with the hash of every row, and a signature over the manifest and over the closing of the day
//! before. So no row of a closed day can be changed, removed or added without a trace, and no day can be left out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::store::audit::AuditRow;
use crate::store::objects::content_hash;

/// The name of a row: sort key, then partition key, so that rows stand in the order of time.
pub type RowName = (String, String);

/// The hash of every row of a day, by its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest(pub BTreeMap<RowName, String>);

impl Manifest {
    /// Of these rows.
    pub fn of<'a>(rows: impl IntoIterator<Item = &'a AuditRow>) -> Manifest {
        Manifest(rows.into_iter().map(|row| (row.name(), hash_of(row))).collect())
    }

    /// As it is kept: a line for each row, with the hash, the sort key, and the partition key as JSON (a name that somebody typed may
    /// hold anything).
    pub fn text(&self) -> String {
        let line = |((sort_key, partition), hash): (&RowName, &String)| {
            format!("{hash} {sort_key} {}\n", serde_json::Value::from(partition.as_str()))
        };
        self.0.iter().map(line).collect()
    }

    /// As it was kept; `None` where it does not read.
    pub fn parse(text: &str) -> Option<Manifest> {
        let line = |line: &str| {
            let (hash, rest) = line.split_once(' ')?;
            let (sort_key, partition) = rest.split_once(' ')?;
            Some(((sort_key.to_owned(), serde_json::from_str(partition).ok()?), hash.to_owned()))
        };
        Some(Manifest(text.lines().map(line).collect::<Option<_>>()?))
    }

    /// The SHA-256 of its text.
    pub fn digest(&self) -> String {
        hex::encode(content_hash(self.text().as_bytes()))
    }
}

/// The hash of a row.
pub fn hash_of(row: &AuditRow) -> String {
    hex::encode(content_hash(row.line().as_bytes()))
}

/// The closing of a day.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Closing {
    /// The day in UTC, `YYYY-MM-DD`.
    pub day: String,
    /// How many rows it has.
    pub rows: usize,
    /// The digest of its manifest.
    pub manifest: String,
    /// The digest of the closing of the day before; empty for the first day.
    pub previous: String,
    /// When it was closed, as an instant.
    pub closed_at: String,
    /// The signature over [`Closing::text`], RS256 in base64url; empty until it is signed.
    pub signature: String,
}

impl Closing {
    /// The text that is signed.
    pub fn text(&self) -> String {
        let Closing { day, rows, manifest, previous, closed_at, signature: _ } = self;
        format!("audit of {day}\nrows {rows}\nmanifest {manifest}\nprevious {previous}\nclosed {closed_at}\n")
    }

    /// The digest by which the next day names it.
    pub fn digest(&self) -> String {
        hex::encode(content_hash(self.text().as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn row(partition: &str, outcome: &str) -> AuditRow {
        AuditRow::of_image(
            &json!({"pk": {"S": partition}, "sk": {"S": "2026-01-01T00:00:00.000Z#r"}, "outcome": {"S": outcome}}),
        )
        .unwrap()
    }

    #[test]
    fn a_manifest_reads_back_whatever_name_was_typed_and_any_change_gives_another_digest() {
        let rows = [row("user/a name\nwith \"all\" in it", "failed"), row("Patient/a", "ok")];
        let manifest = Manifest::of(&rows);
        assert_eq!(Manifest::parse(&manifest.text()), Some(manifest.clone()));
        assert_ne!(Manifest::of([&rows[0], &row("Patient/a", "failed")]).digest(), manifest.digest());
        assert_ne!(Manifest::of(&rows[..1]).digest(), manifest.digest());
        assert_eq!(Manifest::parse("no manifest"), None);
    }

    #[test]
    fn every_part_of_a_closing_is_signed() {
        let closing = Closing {
            day: "2026-01-01".into(),
            rows: 1,
            manifest: "m".into(),
            previous: "p".into(),
            closed_at: "t".into(),
            signature: String::new(),
        };
        for changed in [
            Closing { day: "2026-01-02".into(), ..closing.clone() },
            Closing { rows: 2, ..closing.clone() },
            Closing { manifest: "n".into(), ..closing.clone() },
            Closing { previous: "q".into(), ..closing.clone() },
            Closing { closed_at: "u".into(), ..closing.clone() },
        ] {
            assert_ne!(changed.text(), closing.text());
        }
        assert_eq!(Closing { signature: "s".into(), ..closing.clone() }.digest(), closing.digest());
    }
}
