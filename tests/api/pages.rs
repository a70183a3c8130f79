//! The member's pages in a real browser, on a desktop and on a phone.

use shared::clock::Clock;
use shared::oauth::client::Client;
use tests::{App, AuthorizeOptions, Callback, Chromium, DESKTOP, PHONE, fixtures};

const SCOPE: &str = "openid fhirUser offline_access patient/Coverage.rs patient/ExplanationOfBenefit.rs";

/// Registers an app whose redirect URI is a page on this machine. Returns the address that starts its authorization.
async fn app_with_a_page(app: &App, callback: &Callback) -> String {
    let name = "An App with a Page and quite a long Name";
    let client = Client::new("app-with-a-page", name, &[&callback.url], Clock::System.now());
    app.register(&client).await;
    let options = AuthorizeOptions::new(app, "alice", SCOPE)
        .with("client_id", Some("app-with-a-page"))
        .with("redirect_uri", Some(&callback.url));
    format!("{}/oauth2/authorize?{}", app.url(), options.query())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_signs_in_and_allows_in_a_browser_of_any_size_and_comes_back_to_the_app() {
    let Some(browser) = Chromium::start("a member signs in in a browser").await else { return };
    let (app, callback) = (App::start().await, Callback::start().await);
    let authorize = app_with_a_page(&app, &callback).await;
    // `prompt=login`, because the previous member is still signed in to this browser.
    for (size, username) in [(DESKTOP, "alice"), (PHONE, "bob")] {
        browser.resize(size).await;
        browser.open(&format!("{authorize}&prompt=login")).await;
        browser.wait_for("#username").await;
        browser.is_in_order("the sign-in page").await;
        browser.fill("#username", username).await;
        browser.fill("#password", &fixtures::password(username)).await;
        browser.click("button[type=submit]").await;
        browser.wait_for("input[name=scope]").await;
        assert_eq!(browser.count("input[name=scope]").await, 4, "openid is not a choice");
        browser.is_in_order("the consent page").await;
        browser.click("button[value=allow]").await;
        browser.wait_for("#back").await;
        let url = browser.url().await;
        assert!(url.starts_with(&callback.url) && url.contains("code=") && !url.contains("error="), "{url}");
        browser.is_in_order("the app").await;
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_tells_of_an_error_fits_a_phone() {
    let Some(browser) = Chromium::start("an error page in a browser").await else { return };
    let app = App::start().await;
    browser.resize(PHONE).await;
    browser.open(&format!("{}/oauth2/authorize?client_id={}", app.url(), "nobody".repeat(30))).await;
    browser.wait_for(".wrong").await;
    assert_eq!(browser.overflow().await, 0);
    app.finish().await;
}
