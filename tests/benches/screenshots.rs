//! `cargo bench --workspace --profile dev --bench screenshots`: pictures of every page, on a desk and on a phone, into `docs/screenshots`.
//! Every step is taken in the browser; a page is one row of `PAGES`.

use std::path::Path;

use tests::{App, Chromium, DESKTOP, PHONE, checkout};

/// How to come from a page to the next.
enum Step {
    /// Open a path of the stack.
    Open(&'static str),
    /// Click.
    Click(&'static str),
    /// Type into a field.
    Fill(&'static str, &'static str),
    /// Open a part of the page that is folded, or bring it to the top.
    Scroll(&'static str),
}

/// A picture's name, the steps that lead there from the row before, and what the page shows when it is complete.
type Row = (&'static str, &'static [Step], &'static str);

const PAGES: &[Row] = &[
    ("welcome", &[Step::Open("/")], ".members"),
    ("connect", &[Step::Click(".hero .button")], "#connect"),
    ("sign-in", &[Step::Click("#connect")], "#username"),
    (
        "sign-in-failed",
        &[
            Step::Fill("#username", "ada"),
            Step::Fill("#password", "a wrong password"),
            Step::Click("button[type=submit]"),
        ],
        ".wrong",
    ),
    (
        "consent",
        &[Step::Fill("#username", "ada"), Step::Fill("#password", "ada-demo-2026"), Step::Click("button[type=submit]")],
        "input[name=scope]",
    ),
    ("demo", &[Step::Click("button[value=allow]")], COMPLETE),
    ("claims", &[Step::Scroll("#claims")], COMPLETE),
    ("labs", &[Step::Scroll("#labs")], COMPLETE),
    ("authorizations", &[Step::Scroll("#authorizations")], COMPLETE),
    ("what-happened", &[Step::Click("#happened summary"), Step::Scroll("#happened")], "#happened table"),
    ("signed-out", &[Step::Scroll("body"), Step::Click("#sign-out")], "#connect"),
    ("denied", &[Step::Click("#connect"), Step::Click("button[value=deny]")], "#problem"),
    ("error", &[Step::Open("/oauth2/authorize?client_id=nobody")], ".wrong"),
];

/// A record of which every part has come and both plots are drawn.
const COMPLETE: &str = ".columns:not(:has([aria-busy=true])):has(#cost svg):has(#labs svg)";

#[tokio::main]
async fn main() {
    let folder = checkout().join("docs/screenshots");
    std::fs::create_dir_all(&folder).expect("the checkout can be written");
    let app = App::with_samples(&["ben", "maria", "leo", "nora", "robin", "ada"]).await;
    for (size, suffix) in [(DESKTOP, ""), (PHONE, "-phone")] {
        // A browser for each width: the second one signs in anew.
        let Some(browser) = Chromium::start("screenshots").await else { return };
        browser.resize(size).await;
        browser.reduce_motion().await;
        for (name, steps, complete) in PAGES {
            for step in *steps {
                take(&app, &browser, step).await;
            }
            browser.wait_for(complete).await;
            let overflow = browser.overflow().await;
            assert_eq!(overflow, 0, "{name}{suffix} is {overflow} pixels too wide");
            save(&folder.join(format!("{name}{suffix}.png")), &browser.screenshot().await);
        }
    }
    app.finish().await;
}

async fn take(app: &App, browser: &Chromium, step: &Step) {
    match step {
        Step::Open(path) => browser.open(&format!("{}{path}", app.url())).await,
        Step::Click(selector) => browser.click(selector).await,
        Step::Fill(selector, text) => browser.fill(selector, text).await,
        Step::Scroll(selector) => {
            browser.wait_for(selector).await;
            browser.evaluate(&format!("document.querySelector('{selector}').scrollIntoView()")).await;
        }
    }
}

fn save(path: &Path, picture: &[u8]) {
    std::fs::write(path, picture).expect("the checkout can be written");
    println!("{:>4} KB  {}", picture.len() / 1000, path.display());
}
