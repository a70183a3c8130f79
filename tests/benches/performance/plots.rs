//! The plots, drawn by hand: bars beside their limits, and a line over the length of a history. They follow the
//! reader's light or dark theme.

use crate::prices::prices;
use crate::report::Report;

const WIDTH: f64 = 780.0;
const LABELS: f64 = 350.0;
const LINE: f64 = 26.0;
const TOP: f64 = 44.0;

const STYLE: &str = "text{font:13px system-ui,sans-serif;fill:#24292f}.title{font-weight:600;font-size:15px}\
.value{font-size:12px}.bar{fill:#2f6fb2}.line{stroke:#2f6fb2;stroke-width:2;fill:none}.limit{stroke:#d1242f;stroke-width:3;stroke-dasharray:4 2}\
.axis{stroke:#8c959f;stroke-width:1}\
@media(prefers-color-scheme:dark){text{fill:#d8dee4}.bar{fill:#6cb0f5}.line{stroke:#6cb0f5}.limit{stroke:#ff8f85}}";

/// A bar: its label, its value, and the limit or the yardstick beside it.
struct Bar {
    label: String,
    value: f64,
    limit: Option<f64>,
}

/// Every plot, by the name of its file.
pub fn plots(report: &Report) -> [(&'static str, String); 4] {
    let bar = |label: &str, value, limit| Bar { label: label.to_owned(), value, limit };
    let newest = report.operations.iter().filter(|row| row.name == "newest 50 Observations");
    let history: Vec<(f64, f64)> = newest.map(|row| (float(row.size), row.read_units)).collect();
    let limit = report.operations.iter().find(|row| row.name == "newest 50 Observations");
    let limit = limit.and_then(|row| row.target?.read_units);
    let pace: Vec<Bar> = report.pace.beats.iter().map(|beat| bar(&beat.request, beat.ms, beat.yardstick_ms)).collect();
    let loads: Vec<Bar> = report.loads.iter().map(|load| bar(&load.what, load.each(), load.target)).collect();
    let prices = prices(&report.operations, &report.loads).into_iter();
    let millions = prices.filter(|price| price.what.starts_with("a million"));
    let prices: Vec<Bar> = millions.map(|price| bar(&price.what, price.dollars, None)).collect();
    [
        ("history.svg", line("Read units of the newest 50, by the length of the history", &history, limit)),
        ("pace.svg", bars("Milliseconds, one connection; dashed: the yardstick", &pace)),
        ("loads.svg", bars("Write units per resource; dashed: the target", &loads)),
        ("prices.svg", bars("US dollars", &prices)),
    ]
}

/// Horizontal bars.
fn bars(title: &str, bars: &[Bar]) -> String {
    let most =
        bars.iter().flat_map(|bar| [Some(bar.value), bar.limit]).flatten().fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    let scale = (WIDTH - LABELS - 70.0) / most;
    let mut drawn = String::new();
    for (place, bar) in (0u32..).zip(bars) {
        let y = TOP + LINE * f64::from(place);
        let (length, label) = (bar.value * scale, escaped(&shortened(&bar.label)));
        drawn += &format!("<text x='{:.0}' y='{:.0}' text-anchor='end'>{label}</text>", LABELS - 8.0, y + 14.0);
        drawn += &format!("<rect class='bar' x='{LABELS}' y='{y:.0}' width='{length:.1}' height='18' rx='2'/>");
        let end = LABELS + length.max(bar.limit.unwrap_or_default() * scale) + 6.0;
        drawn += &format!("<text class='value' x='{end:.0}' y='{:.0}'>{}</text>", y + 14.0, number(bar.value));
        if let Some(limit) = bar.limit {
            let x = LABELS + limit * scale;
            drawn += &format!("<line class='limit' x1='{x:.1}' x2='{x:.1}' y1='{:.0}' y2='{:.0}'/>", y - 2.0, y + 20.0);
        }
    }
    let count = u32::try_from(bars.len()).unwrap_or_default();
    framed(title, TOP + LINE * f64::from(count) + 10.0, &drawn)
}

/// A line over a logarithmic axis.
fn line(title: &str, points: &[(f64, f64)], limit: Option<f64>) -> String {
    const LEFT: f64 = 60.0;
    const HEIGHT: f64 = 220.0;
    let most = points.iter().map(|(_, y)| *y).chain(limit).fold(0.0, f64::max).max(f64::MIN_POSITIVE) * 1.15;
    let (first, last) = match (points.first(), points.last()) {
        (Some(first), Some(last)) if last.0 > first.0 => (first.0.log10(), last.0.log10()),
        _ => (0.0, 1.0),
    };
    let x = |size: f64| LEFT + (size.log10() - first) / (last - first) * (WIDTH - LEFT - 80.0);
    let y = |value: f64| TOP + HEIGHT * (1.0 - value / most);
    let bottom = TOP + HEIGHT;
    let mut drawn = format!("<line class='axis' x1='{LEFT}' x2='{:.0}' y1='{bottom}' y2='{bottom}'/>", WIDTH - 60.0);
    let path: Vec<String> = points.iter().map(|(size, value)| format!("{:.1},{:.1}", x(*size), y(*value))).collect();
    drawn += &format!("<polyline class='line' points='{}'/>", path.join(" "));
    for (size, value) in points {
        let (x, y) = (x(*size), y(*value));
        drawn += &format!("<circle class='bar' cx='{x:.1}' cy='{y:.1}' r='4'/>");
        drawn += &format!(
            "<text class='value' x='{x:.1}' y='{:.1}' text-anchor='middle'>{}</text>",
            y + 20.0,
            number(*value)
        );
        drawn += &format!("<text x='{x:.1}' y='{:.0}' text-anchor='middle'>{}</text>", bottom + 18.0, number(*size));
    }
    if let Some(limit) = limit {
        let y = y(limit);
        drawn += &format!("<line class='limit' x1='{LEFT}' x2='{:.0}' y1='{y:.1}' y2='{y:.1}'/>", WIDTH - 60.0);
        drawn += &format!("<text class='value' x='{:.0}' y='{:.1}'>≤ {}</text>", WIDTH - 54.0, y + 4.0, number(limit));
    }
    framed(title, bottom + 34.0, &drawn)
}

fn framed(title: &str, height: f64, drawn: &str) -> String {
    format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height:.0}' role='img' aria-label='{0}'><style>{STYLE}</style>\
         <text class='title' x='8' y='24'>{0}</text>{drawn}</svg>\n",
        escaped(title)
    )
}

/// A number with its meaningful digits.
pub fn number(value: f64) -> String {
    match value {
        value if value >= 100.0 || (value - value.round()).abs() < 1e-9 => thousands(&format!("{value:.0}")),
        value if value >= 10.0 => format!("{value:.1}"),
        value if value >= 0.1 => format!("{value:.2}"),
        value => format!("{value:.3}"),
    }
}

/// Digits, with a comma after each thousand.
pub fn thousands(digits: &str) -> String {
    let comma = |place: usize| place > 0 && (digits.len() - place).is_multiple_of(3);
    digits.char_indices().flat_map(|(place, digit)| comma(place).then_some(',').into_iter().chain([digit])).collect()
}

fn shortened(label: &str) -> String {
    match label.char_indices().nth(50) {
        Some((end, _)) => format!("{}…", &label[..end]),
        None => label.to_owned(),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('\'', "&#39;")
}

/// A count as a number to calculate with.
pub fn float(count: impl TryInto<u32>) -> f64 {
    count.try_into().unwrap_or(u32::MAX).into()
}
