//! Every limit of this library: how much a request may ask, how large an answer, a page, a form, a token or a row may be, and how long
//! a token or a link is good. One row each, with its unit and its reason; [`BOUNDS`] is the same rows to walk through.

/// The consequence where one more than a bound is asked for, or comes up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beyond {
    /// It is refused, and the error names the bound.
    Refused,
    /// The answer goes as far as the bound.
    Capped,
    /// The rest comes in another way: on the next page, under a link, in another row.
    Elsewhere,
    /// It is over: a token or a link ends then.
    Over,
    /// It cannot be asked for: the number says how we work.
    Ours,
}

/// One limit.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// The constant's name.
    pub name: &'static str,
    /// How many.
    pub value: u64,
    /// Of what.
    pub unit: &'static str,
    /// The consequence of one more.
    pub beyond: Beyond,
    /// Why it is there, and why it is not another number.
    pub reason: &'static str,
}

macro_rules! bounds {
    ($($name:ident: $type:ty = $value:expr, $unit:literal, $beyond:ident, $reason:literal;)*) => {
        $(
            #[doc = concat!("In ", $unit, ". ", $reason)]
            pub const $name: $type = $value;
        )*

        /// All limits.
        pub static BOUNDS: &[Bound] = &[$(
            Bound {
                name: stringify!($name),
                value: $name as u64,
                unit: $unit,
                beyond: Beyond::$beyond,
                reason: $reason,
            },
        )*];
    };
}

bounds! {
    // A request to the FHIR server.
    PARAMETERS: usize = 100, "parameters of a request", Refused,
        "No search of a guide or an app comes near it; each parameter is judged for each row that is read.";
    PARAMETER_BYTES: usize = 6 * 1024, "bytes of all parameters", Refused,
        "The links of an answer repeat its parameters, and must fit API Gateway's 10 KB when they are followed.";
    BODY_BYTES: usize = 32 * 1024, "bytes of a posted body", Refused,
        "Percent-encoded, or as a `Parameters` resource, the parameters are this long and no longer.";
    VALUES: usize = 100, "values of one parameter", Refused,
        "A test suite asks for 90 ids at once.";
    ALL_VALUES: usize = 400, "values of all parameters", Refused,
        "Each is compared with each row that is read.";
    SORT_KEYS: usize = 8, "keys of `_sort`", Refused,
        "Each is worked out for each row that is sorted; nobody sorts by more.";
    INCLUDED: usize = 1_000, "included resources of a page", Elsewhere,
        "Each is read by itself. The matches whose includes are more come on the next page.";
    INCLUDES: usize = 16, "`_include` and `_revinclude` of a search", Refused,
        "A test suite asks for 16; each may read on in its own type.";
    CHAINS: usize = 4, "chained parameters of a search", Refused,
        "Each reads all that the member reaches of one type.";
    DEFAULT_PAGE: usize = 50, "resources of a page", Ours,
        "The page size where the app names none.";
    LARGEST_PAGE: usize = 100, "resources of a page", Capped,
        "`_count` asks for at most this many matches; a server may give fewer than were asked for (R4 search, \"Page Count\").";
    READ_CALLS: usize = 16, "calls of 1 MB", Refused,
        "A count, a page under granular scopes, all `_revinclude`s of a search and the documents of a member read on for at most this many \
         calls.";
    REVERSE_AT_ONCE: usize = 4, "types", Ours,
        "The types of `_revinclude` are read side by side, this many at once: a call of 1 MB is held in memory until it is filtered.";
    NAMING_AT_ONCE: usize = 20, "resources", Ours,
        "This many resources are read at once to find one that names a document; hardly ever are there more than two.";
    EVERYTHING_LEAST_ROWS: usize = 100, "rows of a call", Ours,
        "`$everything` asks for at least this many: fewer would save nothing and cost a round trip more.";
    EVERYTHING_MOST_ROWS: usize = 1_200, "rows of a call", Ours,
        "`$everything` asks for at most this many, about as many as a page carries: the rest is read again for the next page.";

    // An answer.
    ANSWER_BYTES: usize = 4 << 20, "bytes of an answer", Elsewhere,
        "A buffered Lambda response ends at 6 MB. A page travels in it as a JSON string, in which quotes and line breaks count twice; \
         the bytes of a document travel as base64.";
    COMPRESSED_FROM: usize = 1024, "bytes of an answer", Ours,
        "A shorter body fits one packet either way.";
    PUBLIC_SECONDS: i64 = 300, "seconds", Over,
        "Anybody may keep a public document this long.";

    // An audit record.
    AUDIT_QUERY_BYTES: usize = 6 * 1024, "bytes of all parameters", Capped,
        "Those of a request that is answered are recorded whole. Of longer ones each name and value gets an equal share, so that none can \
         push another out of the record.";
    AUDIT_PARAMETERS: usize = 128, "parameters of a request", Capped,
        "Each of these has a share in which a reader knows it; the rest are counted.";
    AUDIT_PATH: usize = 1024, "characters of a path", Capped,
        "No path of ours is nearly as long.";
    AUDIT_IDS: usize = 700, "bytes of a list of ids", Elsewhere,
        "With the rest of its row a longer list does not fit one write unit of 1 KB: it is told by its count, its ends and its hash.";

    // A member's record.
    BATCH_KEYS: usize = 100, "keys of a call", Ours,
        "DynamoDB reads at most this many (BatchGetItem).";
    HELD_BYTES: usize = 8 << 20, "bytes of JSON", Elsewhere,
        "The rows of one call hold at most this much, about what two pages carry; the rest stays packed until it is given out.";
    NEWS: usize = 250, "resources", Elsewhere,
        "Where more are new, the record itself is read: a row that is read by itself costs as much as several in a history.";
    REACH_STEPS: u8 = 2, "references", Ours,
        "A shared resource is at most this far from a member's own: pointed to, or referred to by one that is.";
    RECEIPT_LEAD: i64 = 10 * 60_000, "milliseconds", Ours,
        "A receipt may be this much older than the resources that it names: a batch is written after it.";
    RECEIPT_TARGETS: usize = 500, "resources of a receipt", Elsewhere,
        "More make another receipt, so that a page can carry each.";
    ROW_BODY_BYTES: usize = 32 << 10, "bytes of a packed body", Elsewhere,
        "A larger one goes to the bucket: there it costs less (decision 13), and no batch of rows outgrows a function's memory.";
    ROW_SHARED_BYTES: usize = 3_400, "bytes of a packed shared resource", Elsewhere,
        "A larger one goes to the bucket, so that its row with all attributes is 4 KB at most: a request reads it before it knows whether \
         the member reaches it, and it then costs as much as one that is not there.";
    ROW_INDEX_BYTES: usize = 190_000, "bytes of a packed index", Refused,
        "An index stays in its row in any case: an item ends at 400 KB together with its copy in the local index.";
    ROW_DOCUMENT_BYTES: usize = 16 << 10, "bytes of a document", Elsewhere,
        "Up to here DynamoDB asks about as much for writing and reading them as S3 for an object (decision 13).";
    DOCUMENT_BYTES: u64 = 5 << 30, "bytes of a document", Refused,
        "One `PutObject` takes at most this many.";
    LINK_SECONDS: u64 = 60, "seconds", Over,
        "A link to an object is good this long: it outlives a revocation by that much and no more.";

    // A request to the authorization server.
    OAUTH_PARAMETERS: usize = 50, "parameters of a request", Refused,
        "No app sends so many to the authorization or the token endpoint.";
    AUTHORIZE_BYTES: usize = 16 * 1024, "bytes of all parameters", Refused,
        "No app sends so much to the authorization endpoint.";
    TOKEN_FORM_BYTES: usize = 32 * 1024, "bytes of all parameters", Refused,
        "No app sends so much to the token endpoint.";
    STATE_BYTES: usize = 2048, "bytes of `state` or `nonce`", Refused,
        "A longer one does not fit the redirect's line at API Gateway.";
    REDIRECT_URI_BYTES: usize = 1024, "bytes of a redirect URI", Refused,
        "A longer one does not fit a redirect with everything else.";
    CLIENT_ID_BYTES: usize = 128, "bytes of a `client_id`", Refused,
        "None of ours is longer; a longer one is not looked up.";
    USERNAME_BYTES: usize = 128, "bytes of a sign-in name", Refused,
        "None is longer.";
    PASSWORD_BYTES: usize = 256, "bytes of a password that is set", Refused,
        "Hashing is costly, and no person types more.";
    TYPED_BYTES: usize = 1024, "bytes of a name or password that is typed", Refused,
        "A longer one is not looked at. Some keyboards take letters apart, so it is several times what can be set.";
    SHOWN_CHARACTERS: usize = 200, "characters of what an app sent", Capped,
        "An error shows this much of it.";
    TALLIED_CAUSES: usize = 4096, "clients and causes", Ours,
        "Failures are counted for this many; then counting begins anew.";
    USER_FAILURES: i64 = 10, "wrong passwords", Refused,
        "For one name; then it is locked until the window ends.";
    ADDRESS_FAILURES: i64 = 50, "wrong passwords", Refused,
        "From one address; more than for a name, because many members may share one.";
    FAILURE_WINDOW_SECONDS: i64 = 900, "seconds", Over,
        "Wrong passwords are counted in windows of this length.";
    KEY_SET_BYTES: usize = 64 * 1024, "bytes of an app's key set", Refused,
        "A longer document is no key set.";
    FETCH_SECONDS: u64 = 3, "seconds", Refused,
        "An app's key set is waited for this long, from the name to the last byte.";
    KEY_SETS: usize = 256, "apps", Ours,
        "The key sets of this many apps are kept in memory.";
    KEY_SET_SECONDS: i64 = 300, "seconds", Over,
        "An app's key set is kept this long, where its server allows it.";
    KEY_SET_SECONDS_UNSAID: i64 = 60, "seconds", Over,
        "An app's key set is kept this long, where its server does not say.";
    KEY_SET_AGAIN_SECONDS: i64 = 30, "seconds", Ours,
        "An unknown `kid` or a failure may cause the next fetch this soon: anybody who knows a `client_id` can make up assertions, and \
         must not make us press the app's server.";
    ASSERTION_SECONDS: i64 = 300, "seconds", Refused,
        "A client's assertion may be good this long (SMART App Launch 2.2: \"no more than five minutes in the future\").";
    CLOCK_SKEW_SECONDS: i64 = 30, "seconds", Ours,
        "The clocks of two machines may differ by this much.";

    // Codes, tokens and sessions of the authorization server.
    ACCESS_TOKEN_SECONDS: i64 = 3600, "seconds", Over,
        "An access token is good this long at most (SMART App Launch 2.2: \"SHOULD NOT exceed one hour\").";
    SCOPE_BYTES_IN_TOKEN: usize = 1024, "bytes of a scope string", Elsewhere,
        "A longer one stays in the grant's row: an `Authorization` header must fit API Gateway's 10 KB.";
    REFRESH_SECONDS: i64 = 93 * 86_400, "seconds", Over,
        "A grant lives this long after its last refresh: a little more than the three months of 45 CFR 170.315(g)(10)(v).";
    REFRESH_RETRY_SECONDS: i64 = 60, "seconds", Over,
        "A client whose answer was lost may ask again with the token it already spent.";
    CODE_SECONDS: i64 = 60, "seconds", Over,
        "An authorization code is good this long (SMART App Launch 2.2: about a minute).";
    CODE_MEMORY_SECONDS: i64 = 86_400, "seconds", Over,
        "A spent code is remembered this long, so that a second use is noticed and ends the grant.";
    SESSION_SECONDS: i64 = 900, "seconds", Over,
        "A member's session lasts this long.";
    AUTHORIZATION_REQUEST_SECONDS: i64 = 900, "seconds", Over,
        "A member may take this long on the pages.";
    KEYS_FRESH_SECONDS: i64 = 120, "seconds", Over,
        "A function trusts its reading of the record of keys this long: a key that is dropped is refused that soon.";
    KEYS_AGAIN_SECONDS: i64 = 60, "seconds", Ours,
        "A key that nobody knows may have the record of keys read again this soon: anybody can make up such a key.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bound_has_a_unit_and_a_reason_in_a_sentence() {
        for bound in BOUNDS {
            assert!(bound.value > 0 && !bound.unit.is_empty(), "{}", bound.name);
            assert!(bound.reason.ends_with('.') || bound.reason.ends_with(')'), "{}", bound.name);
        }
    }
}
