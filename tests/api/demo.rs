//! The welcome page and the demo app in a real browser, as a newcomer sees them in the first ten minutes.

use tests::{App, Chromium, DESKTOP, PHONE};

/// Goes from the welcome page to the consent page, by clicks alone.
async fn to_the_consent(app: &App, browser: &Chromium, username: &str) {
    browser.open(app.url()).await;
    browser.wait_for(".members").await;
    browser.is_in_order("the welcome page").await;
    browser.click(".hero .button").await;
    browser.wait_for("#connect").await;
    browser.is_in_order("the demo before it is connected").await;
    browser.click("#connect").await;
    // A member who is still signed in comes to the consent page at once.
    browser.wait_for("#username, input[name=scope]").await;
    if browser.count("#username").await == 1 {
        sign_in(browser, username).await;
    }
    browser.wait_for("input[name=scope]").await;
}

async fn sign_in(browser: &Chromium, username: &str) {
    browser.fill("#username", username).await;
    browser.fill("#password", &format!("{username}-demo-2026")).await;
    browser.click("button[type=submit]").await;
}

/// Waits until every part of the record is shown, and returns the page's text.
async fn whole_record(browser: &Chromium) -> String {
    browser.wait_for("#consent").await;
    browser.wait_for(".columns:not(:has([aria-busy=true]))").await;
    browser.text("#main").await
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_first_page_to_claims_costs_and_lab_values_at_any_width() {
    let Some(browser) = Chromium::start("the demo app in a browser").await else { return };
    let app = App::with_samples(&["ada"]).await;
    for size in [DESKTOP, PHONE] {
        browser.resize(size).await;
        to_the_consent(&app, &browser, "ada").await;
        browser.click("button[value=allow]").await;
        let page = whole_record(&browser).await;
        browser.is_in_order("the record").await;
        for words in [
            "Ada Lindgren’s record",
            "Everything the app asked for",
            "Lakeshore Medicare Advantage HMO",
            "LKM100000001",
            "Riverside Pharmacy",
            "lisinopril 10 MG Oral Tablet",
            "$2.98",
            "In review",
            "Why: These are non-covered services",
            "reference range",
        ] {
            assert!(page.contains(words), "{words} is not on the page: {page}");
        }
        // Plots are drawn as soon as their width is known.
        browser.wait_for("#cost svg rect.paid").await;
        browser.wait_for("#labs svg circle").await;
        assert!(browser.count("#cost svg rect.paid").await > 5, "a bar for most months");
        assert!(browser.count("#labs svg circle").await > 3, "a point for each value");
        let happened = browser.evaluate("return document.querySelector('#happened').textContent").await.to_string();
        assert!(
            happened.contains("/.well-known/smart-configuration") && happened.contains("/oauth2/token"),
            "{happened}"
        );
        let address = browser.url().await;
        assert_eq!(address, format!("{}/demo/", app.url()), "the code is gone from the address bar");
        browser.click("#sign-out").await;
        browser.wait_for("#connect").await;
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_claims_come_page_by_page_and_the_access_is_renewed_with_a_new_refresh_token() {
    let Some(browser) = Chromium::start("the demo app goes on").await else { return };
    let app = App::with_samples(&["ada"]).await;
    to_the_consent(&app, &browser, "ada").await;
    browser.click("button[value=allow]").await;
    whole_record(&browser).await;
    let shown = browser.count("#claims .entries > li").await;
    browser.click("#more").await;
    browser.wait_for(&format!("#claims .entries > li:nth-child({})", shown + 1)).await;
    let refresh_token = "return JSON.parse(sessionStorage.tokens).refresh_token";
    let before = browser.evaluate(refresh_token).await;
    browser.click("#refresh").await;
    browser.wait_for_text("the old one is worth nothing now").await;
    assert_ne!(browser.evaluate(refresh_token).await, before);
    // An expired access token is renewed before the next request.
    browser
        .evaluate(
            "const t = JSON.parse(sessionStorage.tokens); t.expires_at = 0; sessionStorage.tokens = JSON.stringify(t)",
        )
        .await;
    browser.open(&format!("{}/demo/", app.url())).await;
    assert!(whole_record(&browser).await.contains("Riverside Pharmacy"));
    browser.is_in_order("the record with a new token").await;
    let elsewhere =
        "return import('/demo/smart.js').then(c => c.read('http://127.0.0.1:1/fhir/Patient')).catch(e => e.code)";
    assert_eq!(browser.evaluate(elsewhere).await, "foreign", "the token goes to the API it is for, and nowhere else");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn data_that_a_member_leaves_out_are_missing_and_the_page_says_so() {
    let Some(browser) = Chromium::start("the demo app with less than it asked for").await else { return };
    let app = App::with_samples(&["ada", "nora"]).await;
    to_the_consent(&app, &browser, "ada").await;
    for scope in ["patient/ExplanationOfBenefit.rs", "offline_access", "patient/Organization.rs"] {
        browser.click(&format!("input[name=scope][value='{scope}']")).await;
    }
    browser.click("button[value=allow]").await;
    let page = whole_record(&browser).await;
    browser.is_in_order("part of a record").await;
    assert!(page.contains("All but 3 of what the app asked for"), "{page}");
    assert!(page.contains("You did not share this with the app"), "{page}");
    assert!(page.contains("The app may not renew it") && page.contains("Lakeshore Health Plan"), "{page}");
    assert!(
        browser.count("#labs svg").await == 1 && browser.count("#claims, #cost, #refresh:not([hidden])").await == 0
    );
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_who_denies_is_told_that_nothing_was_read() {
    let Some(browser) = Chromium::start("the demo app is refused").await else { return };
    let app = App::with_samples(&["nora", "ben"]).await;
    browser.resize(PHONE).await;
    to_the_consent(&app, &browser, "nora").await;
    browser.click("button[value=deny]").await;
    browser.wait_for("#problem").await;
    let told = browser.text("#problem").await;
    assert!(told.contains("You chose not to share") && told.contains("Nothing was read"), "{told}");
    browser.is_in_order("the demo after a refusal").await;
    // The same app once more, for a record that is still empty.
    to_the_consent(&app, &browser, "nora").await;
    browser.click("button[value=allow]").await;
    let page = whole_record(&browser).await;
    assert!(page.contains("There are no claims on this record yet"), "{page}");
    browser.is_in_order("a record without claims").await;
    // The plan still has nora's session; another member signs in all the same.
    browser.click("#sign-out").await;
    browser.click("#other").await;
    sign_in(&browser, "ben").await;
    browser.click("button[value=allow]").await;
    assert!(whole_record(&browser).await.contains("Ben Okoye’s record"));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_the_tab_did_not_ask_for_is_not_exchanged() {
    let Some(browser) = Chromium::start("the demo app and a forged answer").await else { return };
    let app = App::with_samples(&["nora"]).await;
    browser.open(&format!("{}/demo/?code=stolen&state=guessed&iss={}", app.url(), app.url())).await;
    browser.wait_for_text("does not belong to a request of this tab").await;
    let asked = app.logs().into_iter().filter(|line| line.contains("/oauth2/token")).count();
    assert_eq!(asked, 0, "the code was sent nowhere");
    app.finish().await;
}
