//! `cargo bench --workspace --profile dev --bench screenshots`: pictures of every page, on a desktop and on a phone,
//! into `docs/screenshots`. One walk through all pages in a browser; a page is a row of `PAGES`.

use std::collections::HashMap;
use std::path::Path;

use patient_access::demo_provider::{self, People};
use tests::{App, Chromium, DESKTOP, PHONE, checkout, fixtures};

/// A step from a page to the next.
enum Step {
    /// Open a path of the stack.
    Open(&'static str),
    /// Click.
    Click(&'static str),
    /// Type into a field.
    Fill(&'static str, &'static str),
    /// Scroll a part of the page to the top.
    Scroll(&'static str),
}

use Step::{Click, Fill, Open, Scroll};

/// A picture's name, the steps that lead there from the row before, and a selector that matches when the page is
/// complete.
type Row = (&'static str, &'static [Step], &'static str);

const PAGES: &[Row] = &[
    ("welcome", &[Open("/")], ".members"),
    ("connect", &[Click(".hero .button")], "#connect"),
    ("sign-in", &[Click("#connect")], "#username"),
    ("sign-in-failed", &[Fill("#username", "ada"), Fill("#password", "a wrong one"), Click(SUBMIT)], ".wrong"),
    ("consent", &[Fill("#username", "ada"), Fill("#password", "ada-demo-2026"), Click(SUBMIT)], "input[name=scope]"),
    ("demo", &[Click("button[value=allow]")], COMPLETE),
    ("claims", &[Scroll("#claims")], COMPLETE),
    ("labs", &[Scroll("#labs")], COMPLETE),
    ("authorizations", &[Scroll("#authorizations")], COMPLETE),
    ("what-happened", &[Click("#happened summary"), Scroll("#happened")], "#happened table"),
    ("account", &[Open("/account")], ".apps"),
    (
        "denied",
        &[Open("/demo/"), Click("#sign-out"), Click("#connect"), Click("button[value=deny]"), Scroll("body")],
        "#problem",
    ),
    ("error", &[Open("/oauth2/authorize?client_id=nobody")], ".wrong"),
    ("documentation", &[Open("/documentation")], "#pages"),
    (
        "documentation-functions",
        &[Click("#functions ~ details:nth-of-type(13) summary"), Scroll("#functions")],
        "#pages",
    ),
    ("documentation-type", &[Click("#Coverage summary"), Scroll("#Coverage")], "#Coverage table"),
    ("ways-in", &[Open("/login")], "a[href='/login/demo-id']"),
    ("provider", &[Click("a[href='/login/demo-id']")], "button[value=ada]"),
    ("no-record", &[Click("button[value=stranger]")], ".wrong"),
];

const SUBMIT: &str = "button[type=submit]";

/// A record with all its parts, and both plots drawn.
const COMPLETE: &str = ".columns:not(:has([aria-busy=true])):has(#cost svg):has(#labs svg)";

#[tokio::main]
async fn main() {
    let folder = checkout().join("docs/screenshots");
    std::fs::create_dir_all(&folder).expect("the checkout can be written");
    let members = ["ben", "maria", "leo", "nora", "robin", "ada"];
    let app = App::with_samples(&members).await;
    // Members sign in by both ways here, as on the stack of `cargo run`.
    let people = People::of(&fixtures::household(&members));
    let _provider = demo_provider::start(&app.stack_to_work_on().await, people, 0).await.expect("it starts");
    for (size, suffix) in [(DESKTOP, ""), (PHONE, "-phone")] {
        // A new browser for each width, in which nobody is signed in.
        let Some(browser) = Chromium::start("screenshots").await else { return };
        browser.resize(size).await;
        for (name, steps, complete) in PAGES {
            for step in *steps {
                take(&app, &browser, step).await;
            }
            browser.wait_for(complete).await;
            assert_eq!(browser.overflow().await, 0, "{name}{suffix} is wider than the window");
            save(&folder, &format!("{name}{suffix}.png"), &small(&browser.screenshot().await));
        }
    }
    app.finish().await;
}

async fn take(app: &App, browser: &Chromium, step: &Step) {
    match step {
        Open(path) => browser.open(&format!("{}{path}", app.url())).await,
        Click(selector) => browser.click(selector).await,
        Fill(selector, text) => browser.fill(selector, text).await,
        Scroll(selector) => {
            browser.wait_for(selector).await;
            browser.evaluate(&format!("document.querySelector('{selector}').scrollIntoView()")).await;
        }
    }
}

fn save(folder: &Path, name: &str, picture: &[u8]) {
    std::fs::write(folder.join(name), picture).expect("the checkout can be written");
    println!("{:>4} KB  {name}", picture.len() / 1000);
}

/// The picture with its 256 most frequent colours. A rarer one, at the edge of a letter, becomes the nearest of them.
/// Chromium's own file is four times the size.
fn small(picture: &[u8]) -> Vec<u8> {
    let mut reader = png::Decoder::new(std::io::Cursor::new(picture)).read_info().expect("a screenshot is a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a window is small")];
    let info = reader.next_frame(&mut pixels).expect("a screenshot is whole");
    let colours = || pixels.chunks_exact(info.color_type.samples()).map(|pixel| [pixel[0], pixel[1], pixel[2]]);

    let mut frequency: HashMap<[u8; 3], usize> = HashMap::new();
    colours().for_each(|colour| *frequency.entry(colour).or_default() += 1);
    let mut palette: Vec<[u8; 3]> = frequency.keys().copied().collect();
    palette.sort_by_key(|colour| (std::cmp::Reverse(frequency[colour]), *colour));
    palette.truncate(256);
    let nearest = |colour: &[u8; 3]| {
        let distance =
            |other: &[u8; 3]| -> u32 { colour.iter().zip(other).map(|(a, b)| u32::from(a.abs_diff(*b)).pow(2)).sum() };
        let index = (0..palette.len()).min_by_key(|index| distance(&palette[*index])).expect("there is a colour");
        u8::try_from(index).expect("there are 256 at most")
    };
    let indices: HashMap<[u8; 3], u8> = frequency.keys().map(|colour| (*colour, nearest(colour))).collect();
    let indexed: Vec<u8> = colours().map(|colour| indices[&colour]).collect();

    let mut written = Vec::new();
    let mut encoder = png::Encoder::new(&mut written, info.width, info.height);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_palette(palette.concat());
    encoder.set_compression(png::Compression::High);
    encoder.set_filter(png::Filter::NoFilter);
    let mut writer = encoder.write_header().expect("memory can be written");
    writer.write_image_data(&indexed).expect("as many pixels as before");
    drop(writer);
    written
}
