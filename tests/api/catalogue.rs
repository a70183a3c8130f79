//! The ratchet of the test catalogue: attacks on authorization, tokens, scopes and input, and faults of AWS. A test
//! answers each of them.
//!
//! A test names the rows that it holds in its doc comment (`/// T035`) or in a column of its table. To extend the
//! ratchet, add a row here and name it in a test. No test yet holds the demands whose numbers are missing; no number is
//! used twice.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use tests::checkout;

/// Each row and its demand, under the heading of its subject. At the authorize endpoint, "refused" means that the app
/// is sent an error, and "an error page" that nobody is redirected.
const ROWS: &str = r#"
# The authorize endpoint
T001   An unknown or disabled client gets an error page, and nothing is stored (RFC 6749 §4.1.2.1).
T002   A request without `redirect_uri` gets an error page, even if the client has registered only one.
T003   A `redirect_uri` that differs from every registered one in a single byte gets an error page (RFC 9700 §4.1.3).
T004   A native app may use any port on 127.0.0.1 and [::1]; localhost and private-use schemes must match exactly
       (RFC 8252 §7).
T005   Registration refuses a redirect URI that is unsafe (http off loopback, `javascript:`, wildcard, fragment,
       userinfo) and says what would be right.
T006   A parameter sent twice is refused; `client_id` or `redirect_uri` sent twice gets an error page (RFC 6749 §3.1).
T007   Every `response_type` but `code` is refused (RFC 9700 §2.1.2).
T008   A request without a PKCE challenge is refused (RFC 9700 §2.1.1).
T009   Every `code_challenge_method` but `S256`, spelled exactly so, is refused: `plain` and an absent one, too.
T010   A PKCE challenge that is not 43 base64url characters is refused (RFC 7636 §4.2).
T011   An `aud` that is absent or is not this FHIR base is refused (SMART App Launch).
T012   A request without `state` is refused; any other `state` comes back byte for byte.
T013   A scope with bad grammar is refused; unknown scopes are ignored unless nothing else is left (RFC 6749 §3.3).
T014   A client gets no scope beyond its registration, no `system/` scope, and of write scopes only the reading part.
T015   `prompt=none` never shows a page: it returns `login_required` or `consent_required`
       (OpenID Connect Core §3.1.2.6).
T016   `max_age=0` asks the member to sign in again; a negative or malformed one is refused, and none overflows.
T017   A request object, by value or by URL, and an inline registration are refused, and nothing is fetched.
T018   An error is redirected only after client and redirect URI are known to be good, and no app can register itself
       (RFC 9700 §4.11.2).
T019   The authorize endpoint sends no CORS headers, so no script on another site reads its answers (RFC 9700 §2.6).
T020   Every redirect to an app carries the published issuer as `iss` (RFC 9207).
T021   Redirects to an app are 303, so that a browser never repeats a form with a password (RFC 9700 §4.12).

# Sign-in and consent
T022   A form without its own CSRF token, or sent from another site, gets 403 and changes nothing, not even the count of
       failed sign-ins.
T023   Sign-in issues a new session; the session from before, planted or genuine, ends.
T024   Consent counts only from the session that signed in for that authorization request.
T025   A consent form sent twice yields one code and one grant, and a decision cannot be changed by a second form.
T026   A consent page decides about the record that it names: a member for whom the person does not act is refused, and so
       is the form of another person's page.
T027   If the member denies, the app gets `access_denied`, and neither a code nor a grant is made (RFC 6749 §4.1.2.1).
T029   An unknown name, a wrong password and a disabled member get the same status, headers and body, at the same cost
       in hashing; once sign-in is locked, right and wrong passwords and unknown names are alike, too.
T030b  Cookies are HttpOnly, SameSite=Lax and host-only, with `__Host-` and Secure under https; pages cannot be framed;
       plain http works on loopback only.
T030c  The name of an app is escaped on every page, and registration refuses a name with invisible characters or of
       absurd length.
T030d  Nothing that a request carries (`login_hint`, `state`, a typed name) becomes markup on a page.

# The token endpoint
T031   Each client authenticates by its registered method and no other; Basic is read as RFC 6749 §2.3.1 demands;
       secrets expire.
T032   A signed client assertion counts once, from its own client, within its lifetime, for this audience, under a
       registered algorithm (RFC 7523).
T033   The token endpoint accepts one POSTed form with each parameter once, and ignores the query (RFC 6749 §3.2).
T034   Every grant type but `authorization_code` and `refresh_token` is refused (RFC 9700 §2.4).
T035   A code used twice is refused, and all tokens of its grant end (RFC 6749 §4.1.2).
T036   Of two simultaneous exchanges of one code exactly one succeeds, and the double use ends its tokens.
T037   A code is refused for another client, stays good for its own, and the attempt is logged as a warning.
T038   An exchange must repeat the `redirect_uri` of the authorization request (RFC 6749 §4.1.3).
T039   An exchange must bring the PKCE verifier that belongs to the challenge, well formed (RFC 7636 §4.6).
T040   A code expires after 60 seconds by the clock, even while its row still exists.
T041   If client or member is disabled, or a delegation ended, between consent and exchange, no tokens are issued.
T042   A good exchange returns the promised scope, patient, lifetime and id_token, with the nonce exactly as sent, and
       must not be cached.

# Refresh, revocation, introspection
T043   A refresh token that comes back after its successor was used ends the whole family (RFC 9700 §4.14).
T044   Within 60 seconds an unanswered refresh may be repeated: it yields new tokens, and the lost successor is dead.
T045   After those 60 seconds a repeated refresh token ends the family.
T046   Of two simultaneous refreshes each gets tokens or `invalid_grant`, and at most one chain stays live.
T047   A refresh token serves only its own, authenticated, enabled client, ends after three months without use, and may
       narrow a token's scopes but never widen them.
T047b  Without a granted `offline_access` there is no refresh token.
T047c  Revoking either token ends both with the next request; an unknown token, or another client's, is answered alike
       and left alone (RFC 7009).
T047d  The member stopping an app, a new password, or a disabled member ends the affected grants and sessions with the
       next request.
T047e  Introspection demands authentication, and says only `active: false` of a token that is invalid or another
       client's (RFC 7662).

# The access token
T048   An access token counts only as one Bearer header: not in the query, not in a form, not beside a second one
       (RFC 6750 §2).
T049   `alg: none` in any spelling, an empty signature, and a wrong number of segments are refused (RFC 8725 §3.1).
T050   HS256 under any form of our public key is refused (RFC 8725 §2.1).
T051   Every algorithm but RS256 is refused, even under a valid key.
T052   An unknown or hostile `kid` is refused, and many of them cause one look at the keys a minute.
T053   A header that brings a key, a URL of a key, or a critical extension is refused, and nothing is fetched.
T054   `iss` and `aud` must be present, and be exactly this issuer and this FHIR base.
T055   `exp`, `nbf` and `iat` must be sane numbers within 30 seconds of tolerance.
T056   An id_token, a client assertion and a refresh token are no access tokens, nor the reverse (RFC 9068 §4).
T057   A validly signed token that contradicts its grant is refused and raises an alarm.
T058   A token altered in one bit, re-encoded, or with duplicate JSON names is refused.
T059   During a key rotation tokens of the old key stay good until the key is withdrawn; then they are refused.

# Whose data
T060   `Patient/<another member>` is the same 404 as an id that does not exist.
T061   Reading any resource of another member gives the same bytes, headers and number of reads as an id that does not
       exist.
T062   A search that names another member is 403, before any resource is read.
T063   A search that names several members is 403, never narrowed silently.
T064   A member may be named by id or by a URL of this FHIR base; every other spelling is 403 or 400.
T065   Members' ids match as a whole: no prefix, no substring.
T066   An include does not follow a reference into another member's record.
T067   A reverse include does not find another member's resource that refers to this member.
T068   A Coverage belongs to its beneficiary, not to its subscriber.
T069   Being payee, list member or link of another member's resource gives no access.
T070   A bare `_include=*` and `:iterate` are 400; `Type:*` means all includes of that type, within the member's reach.
T071   Provenance found by reverse include is the member's own, and absent without its scope.
T072   A Device of another member stays invisible even if the member's resource refers to it.
T073   Contained resources stay inside the resource that holds them, and references by identifier are not resolved.
T074   An include adds nothing of a type for which the token has no scope.
T075   Only the chains that guides demand are searched, and they see only what the member reaches; every other chain is
       400.
T076   `_has` is 400.
T077   `_filter`, `_query`, `_list`, `_text`, `_content` and `_contained` are 400.
T078   A search of Patient finds the member or nobody.
T079   A posted search is checked over its body and its query together.
T080   Without its scope a type is 403 by every interaction, whether or not the member has data of it.
T081   A shared resource is readable exactly by members whose resources lead to it.
T082   The history of a resource or a type is not offered.
T083   A compartment URL (`Patient/x/Observation`) is not offered.
T084   Loading rejects a resource without one clear owner, and says why.

# Scopes
T085   `r` and `s` are separate permissions, v1 `read` is both, and write scopes permit nothing.
T086   A granular scope holds for search, read, `$everything`, include and reverse include.
T087   Granular scopes of a type add up; all conditions inside one must hold; one that is no valid search opens nothing.
T088   A wildcard scope means the types that are served; a scope of another type is not granted.
T089   `launch/patient` and `openid` alone open no data.
T090   Counts, totals and pages under a granular scope tell nothing of what it leaves out.

# Pages, `$everything`, documents
T091   A cursor that this server did not make, or made for another search, is 400.
T092   A `next` link used with another member's token gives that member's own data or nothing.
T093   A `next` link gives no more than the token's scopes now, and nothing once its grant has ended.
T094   Resources that are added, changed or deleted between two pages hide nothing and repeat nothing.
T095   `$everything` is for the member alone, leaves out types without scope, and refuses bad dates.
T096   A large `$everything` comes in pages, each small enough for Lambda.
T097   A document is readable only by its member: no path leads out of the feed, and a link serves one object for at
       most a minute.
T098   No document runs in a browser: it is an attachment, `nosniff`, and sandboxed.
T099   `_count=0` gives the total; a count that is too large is lowered, and the `self` link says so; a malformed one is
       400.

# Input and HTTP
T103   A malformed or impossible date is 400.
T104   A parameter that may appear once is 400 if it appears twice.
T105   A name is decoded and matched by case; an unknown spelling or modifier is 400.
T106   A token value may escape its separators, and one with too many or with nothing is 400.
T107   Paths with encoded slashes, `..`, matrix parameters or wrong case get a well-formed 4xx.
T108   A method that a path lacks is 405 with `Allow`.
T109   JSON is the only format: another `Accept` is 406.
T110   Links are built from the issuer, never from a host that the client names.
T111   Scripts on any site may call the API without credentials, and the pages not at all.
T113   Every event in `events/` gets the answer that its HTTP request gets.

# Faults of AWS
T114   A throttled or unreachable DynamoDB is 503 with `Retry-After`, never 404, 401 or an empty Bundle.
T115   A failed read of the grant is 503: neither "no grant" nor "a good one".
T116   Keys that a batch leaves unread are read again; if they never come the answer is 503, never a shorter page.
T117   Whichever call of a load fails, the same load again reaches the same record.
T118   If the answer to a committed exchange or refresh is lost, a retry or a new start leaves one live family.
T119   While KMS does not sign, the answer is 503 and no code or refresh token is spent.
T120   A document that is missing, altered or denied is an error with alarm and record, never other bytes.
T122   Without the audit table there is no health data in any answer.
T123   The limit of a page counts its length after JSON is escaped in JSON.
T128   A version that is older by the source's own date does not replace a newer one.

# Sign-in by the plan's identity provider
T140   An answer without `state`, with a made-up or used one, in another browser than was sent away, or too late, signs
       nobody in, and nothing is asked of the provider (RFC 9700 §4.7).
T141   An id_token of another issuer or audience, under a key that is not the provider's, without a signature, or by an
       algorithm that is not on the list, HS256 under the public key among them, signs nobody in.
T142   An id_token that has expired, is from the future, lacks its subject, or has another request's nonce or another
       access token's hash signs nobody in.
T143   A claim that is missing, empty, a list, an object or absurdly long names nobody; one that names another record
       than the plan tied the person to signs nobody in.
T144   One provider's answer does not count as another's: the redirect URI, the state and `iss` say whose it is
       (RFC 9207).
T145   A provider's error ends on a page, spends the request, and becomes no markup.
T146   A provider that is slow, down, or answers nonsense ends on a page that says what to do, and nobody is half signed
       in.
T147   No endpoint that a provider names leads us to a private address, nor a browser to a script.
T148   Keys that the provider changes in the middle of a sign-in are read once more; a key that it withdrew signs nobody
       in.
T149   Two tabs sign in each for its own request.
T150   Whichever call to AWS fails on the way in by a provider, a new start signs in, and makes one person.
T151   A sign-in with a provider opens a new session; the one from before, planted or genuine, ends.
T152   A logout token counts only from the provider, for us, fresh, signed as an id_token is, and is no id_token; it ends
       the person's sessions and no app's permission (OpenID Connect Back-Channel Logout).

# People who act for members
T153   A person who may open several records chooses one; nothing skips the choice, and it is never a member for whom
       they do not act.
T154   Two tabs choose differently, and each app gets the record that was chosen for it.
T155   A token of one person for a member tells nothing of what another person, or the member, allowed the same app.
T156   A delegation that ends or is suspended between choice and consent, consent and token, token and refresh, or refresh
       and read opens nothing from that moment on, and the person is not told why.
T157   A delegation that ends by itself takes code, tokens and grant with it, and refreshing never moves its last moment.
T158   An earlier last day moves the ends of the grants; one that is past ends them.
T159   A delegation has a bounded number of live grants: one more ends the oldest.
T160   An exchange and the end of its delegation at the same moment leave no live grant.
T161   Two exchanges under one delegation at the same moment both succeed.
T162   If the member's own record is disabled, merged or removed, what others were granted on it ends.
T163   On the account page a delegate sees their own persons and apps alone, and a member who acts for them.
T164   A member ends a proxy and stops any app that was allowed in their name, a delegate ends their own, and only the plan
       ends the rest; a form that names anything else is refused.
T165   A delegation that the plan suspended is shown on no page.

# Sign-in by a provider: look-ups, and what an app or a provider wishes
T171   With `prompt=none` no page is shown, whatever a provider answers: the app gets `login_required`,
       `interaction_required` or `consent_required`, once.
T172   A logout token that names a session alone ends that session, of that provider, and no other.
T173   An identifier that several members claim, that was corrected, moved or deleted, or that leads in a circle of replaced
       Patients, signs nobody in.
T174   What is sealed for one purpose opens for no other, and no function that reads health data opens any.
T175   The back button after a sign-in with a provider, and a code of the provider that was used, sign nobody in.
T176   Between two providers that somebody else wrote, an answer of one does not count as the other's.

# The nightly feed
T181   After a load was killed or failed, the same load again neither looks at nor writes what an earlier part has stored,
       and its report and its file of rejected resources are those of a load that nothing disturbed.
T182   Ctrl-C ends a load with what is stored and with the word that a repeat is safe, and the repeat ends it.
T183   Ten times as many resources take a load no more memory.

# The audit, and what is counted from it
T201   An answer counts for CMS's report only where it carried a resource of the member's own, and a record that comes
       twice counts once (42 CFR 422.119(f)).
T202   Test apps and synthetic members are left out of CMS's report, also where the mark comes later.
T203   Counting costs at most two writes for each member, app and year.
T204   A member is reported under the contract of the day of the answer.
T205   After faults, repeats and lost batches the report is a naive count of the audit, and `--verify` names what was
       not counted.
T206   A row of a closed day that is changed, removed, added or moved to another day by hand, in the table or in the
       archive, is named by `audit verify`.
T207   A day whose closing, signature, manifest or place in the chain is not as it was signed is called unsigned.
T208   A day whose rows differ between table and archive is not closed, rings, and keeps its rows in the table.
T209   Every record reaches the archive as it stands in the table, and a record that comes twice stands there once.
T210   A command of the operator's is recorded before it acts, without passwords.

# The description for the public, and the proof
T211   The OpenAPI description has every route of the template and every advertised parameter, and no other.
T212   A seeded run of schemathesis with a member's token finds no fault of the server, and no status, media type or body that
       the description lacks.
T213   The documentation is open to anybody and names every function, parameter, structure, limit and exception (42 CFR
       422.119(d)).
T214   On a stack that works every check of `prove` passes, or says why it could not be made.
T215   Where a thing is broken, its check of `prove` fails.
T216   `prove` leaves no way in behind, and no report to CMS counts it.
T217   `prove` touches no record that is not marked as made up.
T218   How a command of the operator's ended is a record of its own, and the one of its beginning stays as it was.
T219   Each request's time, from the gateway to its record, is part of that record, and no further write.
T220   Each duty of docs/compliance.md is shown by tests that ran and passed in the run, or says why not.
"#;

/// The rows: number and demand.
fn rows() -> Vec<(&'static str, String)> {
    let mut rows: Vec<(&str, String)> = Vec::new();
    for line in ROWS.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let (Some(more), Some((_, demand))) = (line.strip_prefix(' '), rows.last_mut()) {
            *demand += &format!(" {}", more.trim_start());
        } else {
            let (row, demand) = line.split_once(' ').unwrap_or_else(|| panic!("{line:?} demands nothing"));
            rows.push((row, demand.trim_start().to_owned()));
        }
    }
    rows
}

/// Whether a word is the number of a row: `T030` or `T030b`.
fn is_row(word: &str) -> bool {
    let digits = word.strip_prefix('T').map(|rest| rest.trim_end_matches(|c: char| c.is_ascii_lowercase()));
    digits.is_some_and(|digits| digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Every file under a folder.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The rows that tests name in their doc comments and texts. A file's own comment (`//!`) holds nothing.
fn named() -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for path in files(&checkout().join("tests/api")) {
        if path.ends_with("catalogue.rs") {
            continue;
        }
        let text = fs::read_to_string(path).unwrap();
        let lines = text.lines().map(str::trim_start).filter(|line| line.starts_with("///") || line.contains('"'));
        let words = lines.flat_map(|line| line.split(|c: char| !c.is_ascii_alphanumeric()));
        named.extend(words.filter(|word| is_row(word)).map(str::to_owned));
    }
    named
}

#[test]
fn every_row_is_named_by_a_test_and_every_row_that_a_test_names_is_here() {
    let rows: BTreeSet<String> = rows().into_iter().map(|(row, _)| row.to_owned()).collect();
    let named = named();
    let idle: Vec<_> = rows.difference(&named).collect();
    assert!(idle.is_empty(), "no test names these rows: {idle:?}");
    let unknown: Vec<_> = named.difference(&rows).collect();
    assert!(unknown.is_empty(), "tests name rows that the catalogue lacks: {unknown:?}");
}

#[test]
fn each_row_is_there_once_in_order_with_its_demand() {
    let rows = rows();
    assert!(rows.is_sorted_by(|(one, _), (next, _)| one < next), "rows go by number, and each is there once");
    for (row, demand) in rows {
        assert!(is_row(row) && demand.ends_with('.'), "{row}: {demand}");
    }
}
