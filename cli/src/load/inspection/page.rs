//! The findings as one HTML page, without scripts and without anything from elsewhere.

use std::fmt::Write as _;

use super::{Inspection, right};

const STYLE: &str = "body{font:15px/1.4 system-ui,sans-serif;margin:2rem;color:#1b2733}table{border-collapse:collapse;margin:1rem 0}\
    th,td{border:1px solid #d6dde3;padding:.3rem .6rem;text-align:left;vertical-align:top}th{background:#eef2f5}\
    td.n{text-align:right}code{white-space:pre-wrap;overflow-wrap:anywhere}";

/// Text in HTML. Text of a feed stays text, and on its line.
fn text(text: &str) -> String {
    let escaped = crate::terminal::visible(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    escaped.replace('"', "&quot;")
}

fn table<const N: usize>(page: &mut String, heads: [&str; N], rows: impl Iterator<Item = [String; N]>) {
    *page += "<table><tr>";
    for head in heads {
        let _ = write!(page, "<th>{head}</th>");
    }
    *page += "</tr>\n";
    for row in rows {
        *page += "<tr>";
        for cell in row {
            let is_number = cell.bytes().all(|byte| byte.is_ascii_digit());
            let _ = write!(page, "<td{}>{cell}</td>", if is_number { " class=\"n\"" } else { "" });
        }
        *page += "</tr>\n";
    }
    *page += "</table>\n";
}

/// The page.
pub(super) fn of(inspection: &Inspection) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Check of a feed</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<h1>Check of a feed</h1>\n\
         <p>A load would refuse {} resources. Nothing was stored. This page may hold health data.</p>\n",
        inspection.refused
    );
    page += "<h2>Findings</h2>\n";
    let rows = inspection.found.iter().map(|(key, found)| {
        let places = found.places.iter().map(|(place, what)| format!("<code>{}</code>: {}", text(place), text(what)));
        [
            text(&key.rule),
            found.count.to_string(),
            text(&key.kind),
            text(&key.profile),
            text(&inspection.file(key.file)),
            places.collect::<Vec<_>>().join("<br>"),
            text(&right(&key.rule)),
        ]
    });
    table(&mut page, ["rule", "count", "type", "profile", "file", "first places", "right"], rows);
    page += "<h2>Types</h2>\n";
    let types = inspection.types.iter().map(|(kind, count)| [text(kind), count.to_string()]);
    table(&mut page, ["type", "read"], types);
    page += "<h2>Profiles</h2>\n";
    let profiles = inspection.profiles.iter().map(|(profile, count)| [text(profile), count.to_string()]);
    table(&mut page, ["profile", "claims"], profiles);
    page += "<h2>Files</h2>\n";
    let files = inspection.files.iter().map(|file| {
        [text(&file.path), text(&file.format), file.lines.to_string(), file.read.to_string(), file.rejected.to_string()]
    });
    table(&mut page, ["file", "format", "lines", "read", "refused"], files);
    page + "</body>\n</html>\n"
}
