//! The cost of the way to a token, and of its later uses.

use http::{HeaderMap, header};
use tests::fixtures::password;
use tests::{AuthorizeOptions, Tokens};

use crate::operations::Operation;
use crate::stage::Stage;

/// How often the whole way is gone for the processor time of its steps.
const ROUNDS: u32 = 5;

/// Goes the whole way as a member who has data already: once to start the functions, then in rounds. Units and round
/// trips are those of the first of them, the work is the mean.
pub async fn authorization(stage: &Stage) -> Vec<Operation> {
    stage.app.add_member("way", "claims").await;
    round(stage).await;
    let mut rows = round(stage).await;
    let rounds = if stage.is_counted() { 2 } else { ROUNDS };
    let sum = |sum: &mut Option<f64>, next: Option<f64>| *sum = sum.zip(next).map(|(sum, next)| sum + next);
    for _ in 1..rounds {
        for (row, next) in rows.iter_mut().zip(round(stage).await) {
            sum(&mut row.process_cpu_us, next.process_cpu_us);
            sum(&mut row.instructions, next.instructions);
        }
    }
    for row in &mut rows {
        row.process_cpu_us = row.process_cpu_us.map(|sum| sum / f64::from(rounds));
        row.instructions = row.instructions.map(|sum| (sum / f64::from(rounds)).round());
    }
    rows
}

async fn round(stage: &Stage) -> Vec<Operation> {
    let app = &stage.app;
    let options = AuthorizeOptions::new(app, "way", "patient/*.rs openid fhirUser offline_access");
    let mut way = Way { stage, rows: Vec::new() };
    let browser = way.step("authorize", "GET /oauth2/authorize", 303, app.browse(&options)).await;
    let mut browser = browser.expect("the page to sign in");
    let word = password("way");
    let signed_in = way.step("sign in", "POST /login", 303, app.log_in(&browser, "way", &word)).await;
    app.follow(&mut browser, &signed_in).await;
    let allowed = way.step("consent", "POST /consent", 303, app.consent(&browser, "allow")).await;
    let code = allowed.redirected("code").expect("a code");
    let answer = way.step("token, for a code", "POST /oauth2/token", 200, app.exchange(&code)).await;
    let tokens = Tokens::of(&answer);
    let refreshed = way.step("token, for a refresh token", "POST /oauth2/token", 200, app.refresh(&tokens)).await;
    let refreshed = Tokens::of(&refreshed);
    let mut bearer = HeaderMap::new();
    bearer.insert(header::AUTHORIZATION, format!("Bearer {}", refreshed.access).parse().expect("a token is text"));
    let userinfo = app.get_with("/oauth2/userinfo", bearer.clone());
    way.step("userinfo", "GET /oauth2/userinfo", 200, userinfo).await;
    let form = [("token", refreshed.access.as_str())];
    way.step("introspect", "POST /oauth2/introspect", 200, app.post("/oauth2/introspect", &form, bearer)).await;
    let account = app.account("way").await.cookies.headers();
    way.step("account page", "GET /account", 200, app.get_with("/account", account)).await;
    let token = refreshed.refresh.as_deref().expect("offline_access was granted");
    let form = [("token", token), ("client_id", "app")];
    way.step("revoke", "POST /oauth2/revoke", 200, app.post("/oauth2/revoke", &form, HeaderMap::new())).await;
    way.rows
}

/// The steps gone until now, each with its cost.
struct Way<'a> {
    stage: &'a Stage,
    rows: Vec<Operation>,
}

impl Way<'_> {
    /// Goes one step: a request to `route` that is answered with `status`.
    async fn step<T>(&mut self, what: &str, route: &str, status: u16, request: impl Future<Output = T>) -> T {
        let before = self.stage.settled(route, status).await;
        let spent = self.stage.spent();
        let reply = request.await;
        let line = self.stage.app.answered(route, status, before + 1).await.pop().expect("there is a line");
        let work = spent.each(self.stage.spent(), 1);
        self.rows.push(Operation {
            process_cpu_us: work.cpu_us,
            instructions: work.instructions,
            ..Operation::of_line(what, &line)
        });
        reply
    }
}
