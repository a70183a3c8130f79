//! Every limit of this library: how much a request may ask for, how large an answer, a page, a form, a token or a row may be,
//! and how long a token or a link is good. Each has one row, with its unit and its reason. [`BOUNDS`] lists the same rows, for
//! code that goes through them all.

/// The consequence of going over a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beyond {
    /// It is refused, and the error names the bound.
    Refused,
    /// The answer goes as far as the bound.
    Capped,
    /// The rest comes another way: on the next page, under a link, or in another row.
    Elsewhere,
    /// The time is up: a token, a link or something kept is no longer good.
    Over,
    /// Nobody can ask for more: the number only says how the library works.
    Ours,
}

/// One limit.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// The constant's name.
    pub name: &'static str,
    /// The number.
    pub value: u64,
    /// The unit of the number.
    pub unit: &'static str,
    /// The consequence of one more.
    pub beyond: Beyond,
    /// The reason for the bound, and for this number.
    pub reason: &'static str,
}

macro_rules! bounds {
    ($($name:ident: $type:ty = $value:expr, $unit:literal, $beyond:ident, $reason:literal;)*) => {
        $(
            #[doc = concat!("Unit: ", $unit, ". ", $reason)]
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
        "No search of a guide or an app comes near it; each row that is read is tested against each parameter.";
    PARAMETER_BYTES: usize = 6 * 1024, "bytes of all parameters", Refused,
        "The links of an answer repeat its parameters, and must fit API Gateway's 10 KB when they are followed.";
    BODY_BYTES: usize = 32 * 1024, "bytes of a posted body", Refused,
        "The parameters that a request may have are at most this long percent-encoded or as a `Parameters` resource.";
    VALUES: usize = 100, "values of one parameter", Refused,
        "A test suite asks for 90 ids at once.";
    ALL_VALUES: usize = 400, "values of all parameters", Refused,
        "Each is compared with each row that is read.";
    SORT_KEYS: usize = 8, "keys of `_sort`", Refused,
        "Each is worked out for each row that is sorted; nobody sorts by more.";
    INCLUDED: usize = 1_000, "included resources of a page", Elsewhere,
        "Each is read by itself. A match whose includes no longer fit comes on the next page; a first match that has more comes \
         without them, and the answer says so.";
    INCLUDES: usize = 16, "`_include` and `_revinclude` of a search", Refused,
        "A test suite asks for 16; each may cause further reads of its own type.";
    CHAINS: usize = 4, "chained parameters of a search", Refused,
        "Each reads every resource of one type that the member reaches.";
    DEFAULT_PAGE: usize = 50, "resources of a page", Ours,
        "The size of a page if the app names none.";
    LARGEST_PAGE: usize = 100, "resources of a page", Capped,
        "A page has at most this many matches, whatever `_count` asks for; a server may give fewer than were asked for (R4 \
         search, \"Page Count\").";
    READ_CALLS: usize = 16, "calls of 1 MB", Refused,
        "A count, a page under granular scopes behind its slices, all `_revinclude`s of a search and the documents of a member each \
         make at most this many calls.";
    SLICES: usize = 4, "calls", Elsewhere,
        "A page of a filter reads its rows in at most this many calls, one after the other, each with more rows where few match. A \
         page of one that half of the rows match takes one. Where the oldest come first, rows without a date take one more.";
    SLICE_ROWS: usize = 16, "rows of a call", Ours,
        "A slice of a filter reads at least this many: about one read unit, less than another round trip.";
    SLICE_GROWTH: usize = 8, "times the rows before", Ours,
        "A slice reads at most this many times the rows of those before it, so that four reach what one call reads at once.";
    CALL_BYTES: usize = 1 << 20, "bytes of rows", Elsewhere,
        "DynamoDB reads at most this much in one call, and a page of a filter not much more in all.";
    REVERSE_AT_ONCE: usize = 4, "types", Ours,
        "At most this many types of `_revinclude` are read at once: memory holds a call of 1 MB until it is filtered.";
    NAMING_AT_ONCE: usize = 20, "resources", Ours,
        "The search for a resource that names a document reads this many at once; there are hardly ever more than two.";
    EVERYTHING_LEAST_ROWS: usize = 100, "rows of a call", Ours,
        "`$everything` asks for at least this many: fewer would save nothing and could cost another round trip.";
    EVERYTHING_MOST_ROWS: usize = 1_200, "rows of a call", Ours,
        "`$everything` asks for at most this many, about as many as fit a page: any more would be read again for the next page.";

    // An answer.
    ANSWER_BYTES: usize = 4 << 20, "bytes of an answer", Elsewhere,
        "A buffered Lambda response has at most 6 MB. It carries a page as a JSON string, in which quotes and line breaks count \
         twice, and the bytes of a document as base64.";
    COMPRESSED_FROM: usize = 1024, "bytes of an answer", Ours,
        "A shorter body fits one packet either way.";
    PUBLIC_SECONDS: i64 = 300, "seconds", Over,
        "Anybody may keep a public document this long.";

    // An audit record.
    AUDIT_QUERY_BYTES: usize = 6 * 1024, "bytes of all parameters", Capped,
        "The parameters of a request that the FHIR server answers are recorded whole. Of longer ones, each name and each value gets \
         an equal share in characters, so that none pushes another out of the record.";
    AUDIT_PARAMETERS: usize = 128, "parameters of a request", Capped,
        "Each of these gets a large enough share to be recognized; the rest are only counted.";
    AUDIT_PATH: usize = 1024, "characters of a path", Capped,
        "No path of ours is nearly as long.";
    AUDIT_IDS: usize = 690, "bytes of a list of ids", Capped,
        "A longer list does not fit one write unit of 1 KB with the rest of its row. The record then has its count, its first and \
         last id and its hash.";

    // A member's record.
    BATCH_KEYS: usize = 100, "keys of a call", Ours,
        "DynamoDB reads at most this many (BatchGetItem).";
    HELD_BYTES: usize = 8 << 20, "bytes of JSON", Elsewhere,
        "The rows of one call hold at most this much unpacked, about as much as two pages; the rest stays packed until it is given \
         out.";
    NEWS: usize = 250, "resources", Elsewhere,
        "If more are new, the record itself is read: a row read by itself costs as much as several read from a history.";
    REACH_STEPS: u8 = 2, "references", Ours,
        "A shared resource is at most this far from a member's own: the member's own refers to it, or another shared resource does \
         to which the member's own refers.";
    MEMBERS_IDENTIFIERS: usize = 48, "identifiers of a Patient or Coverage", Capped,
        "By further ones no member is found: all that a correction withdraws goes with it into one transaction of 100 rows. A Patient's \
         links have the same bound.";
    IDENTIFIER_SYSTEMS: usize = 200, "systems of identifiers", Capped,
        "A load notes this many for the operator, who sets up a sign-in by one of them. No feed of a plan has nearly as many.";
    TRANSACTION_ROWS: usize = 100, "rows of a transaction", Ours,
        "DynamoDB takes at most this many (TransactWriteItems).";
    LED_MEMBERS: usize = 8, "members", Refused,
        "An identifier of more members leads to nobody; of fewer it is looked up who replaces whom.";
    REPLACEMENTS: usize = 8, "Patients of a chain", Refused,
        "Each costs a read; a Patient whose chain is longer leads to nobody, and the load names them.";
    WRITE_UNIT_BYTES: usize = 1 << 10, "bytes of a row that one write unit writes", Ours,
        "DynamoDB bills each further kilobyte that is begun, so a row a little larger is packed harder.";
    RECEIPT_LEAD: i64 = 10 * 60_000, "milliseconds", Ours,
        "A receipt is at most this much older than the resources that it names: a batch is written after its receipt.";
    RECEIPT_TARGETS: usize = 500, "resources of a receipt", Elsewhere,
        "More targets go into another receipt, so that each receipt fits a page.";
    ROW_BODY_BYTES: usize = 32 << 10, "bytes of a packed body", Elsewhere,
        "A larger one goes to the bucket: there it costs less (decision 13), and no batch of rows outgrows a function's memory.";
    ROW_SHARED_BYTES: usize = 3_400, "bytes of a packed shared resource", Elsewhere,
        "A larger one goes to the bucket, so that its row with all attributes has at most 4 KB. A request reads the row before it \
         knows whether the member reaches the resource. Such a read costs as much as one that finds no row.";
    ROW_INDEX_BYTES: usize = 190_000, "bytes of a packed index", Refused,
        "An index never leaves its row: an item and its copy in the local index have at most 400 KB together.";
    ROW_DOCUMENT_BYTES: usize = 16 << 10, "bytes of a document", Elsewhere,
        "Up to this size DynamoDB charges about as much to write and read a document as S3 does (decision 13).";
    DOCUMENT_BYTES: u64 = 5 << 30, "bytes of a document", Refused,
        "One `PutObject` takes at most this many.";
    LINK_SECONDS: u64 = 60, "seconds", Over,
        "A link to an object is good this long, and outlives a revocation by at most that.";

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
        "No member's sign-in name is longer.";
    PASSWORD_BYTES: usize = 256, "bytes of a password that is set", Refused,
        "Hashing is costly, and no person types more.";
    PROVIDER_NAME_BYTES: usize = 64, "bytes of the plan's name for an identity provider", Refused,
        "It stands in the redirect URI.";
    PROVIDER_SECRET_BYTES: usize = 1024, "bytes of our client secret at an identity provider", Refused,
        "No provider gives out a longer one, and KMS seals at most 4 KB.";
    PROVIDER_CODE_BYTES: usize = 4096, "bytes of an identity provider's `code`", Refused,
        "The longest that are known have about half as many, and API Gateway takes no longer line than 10 KB.";
    IDENTIFIER_BYTES: usize = 255, "bytes of a claim that names a person", Refused,
        "No card has a longer number on it.";
    SUBJECT_BYTES: usize = 255, "bytes of a provider's `sub`", Refused,
        "OpenID Connect allows no longer one (Core §2).";
    FIRST_PASSWORD_SECONDS: i64 = 7 * 86_400, "seconds", Over,
        "A code with which a person sets their first password is good this long: it may travel by mail.";
    TYPED_BYTES: usize = 1024, "bytes of a name or password that is typed", Refused,
        "A longer one is not checked. Some keyboards send a letter as several characters, so this is several times the bound on a \
         name or password that is set.";
    SHOWN_CHARACTERS: usize = 200, "characters of what an app sent", Capped,
        "An error shows this much of it.";
    TALLIED_CAUSES: usize = 4096, "clients and causes", Ours,
        "Failures are counted for this many; then counting begins anew.";
    USER_FAILURES: i64 = 10, "wrong passwords", Refused,
        "A name with this many is locked until the window ends.";
    ADDRESS_FAILURES: i64 = 50, "wrong passwords", Refused,
        "From one IPv4 address or one IPv6 network. This is more than for a name, because many members may share one.";
    FAILURE_WINDOW_SECONDS: i64 = 900, "seconds", Over,
        "Wrong passwords are counted in windows of this length.";
    KEY_SET_BYTES: usize = 64 * 1024, "bytes of an app's key set", Refused,
        "A longer document is no key set.";
    FETCH_SECONDS: u64 = 3, "seconds", Refused,
        "A fetch of an app's key set takes at most this long, from the look-up of the host's name to the last byte.";
    KEY_SETS: usize = 256, "apps", Ours,
        "The key sets of this many apps are kept in memory.";
    KEY_SET_SECONDS: i64 = 300, "seconds", Over,
        "An app's key set is kept this long, where its server allows it.";
    KEY_SET_SECONDS_UNSAID: i64 = 60, "seconds", Over,
        "An app's key set is kept this long, where its server does not say.";
    KEY_SET_AGAIN_SECONDS: i64 = 30, "seconds", Ours,
        "After a fetch, an unknown `kid` or a failure causes another only after this long: anybody who knows a `client_id` can make \
         up assertions, and must not make us flood the app's server.";
    ASSERTION_SECONDS: i64 = 300, "seconds", Refused,
        "A client's assertion is good for at most this long (SMART App Launch 2.2: \"no more than five minutes in the future\").";
    CLOCK_SKEW_SECONDS: i64 = 30, "seconds", Ours,
        "The clocks of two machines may differ by this much.";

    // Codes, tokens and sessions of the authorization server.
    ACCESS_TOKEN_SECONDS: i64 = 3600, "seconds", Over,
        "An access token is good for at most this long (SMART App Launch 2.2: \"SHOULD NOT exceed one hour\").";
    SCOPE_BYTES_IN_TOKEN: usize = 1024, "bytes of a scope string", Elsewhere,
        "A longer one stays in the grant's row: an `Authorization` header must fit API Gateway's 10 KB.";
    REFRESH_SECONDS: i64 = 93 * 86_400, "seconds", Over,
        "A grant lives this long after its last refresh: a little more than the three months of 45 CFR 170.315(g)(10)(v).";
    REFRESH_RETRY_SECONDS: i64 = 60, "seconds", Over,
        "A client that lost an answer may present the token it already spent again for this long.";
    CODE_SECONDS: i64 = 60, "seconds", Over,
        "An authorization code is good this long (SMART App Launch 2.2: about a minute).";
    CODE_MEMORY_SECONDS: i64 = 86_400, "seconds", Over,
        "A spent code is remembered this long, so that a second use is noticed and ends the grant.";
    DELEGATION_GRANTS: usize = 20, "live grants under one delegation", Over,
        "They end with the delegation in one transaction, and DynamoDB takes 100 items in one. A further grant ends the oldest.";
    NAME_CHARACTERS: usize = 100, "characters of a person's name", Capped,
        "A page shows this much of it.";
    SESSION_SECONDS: i64 = 900, "seconds", Over,
        "A member's session lasts this long.";
    AUTHORIZATION_REQUEST_SECONDS: i64 = 900, "seconds", Over,
        "A member may take this long on the pages.";
    KEYS_FRESH_SECONDS: i64 = 120, "seconds", Over,
        "A function trusts its reading of the record of keys this long, so it refuses a dropped key within that time.";
    STOPS_FRESH_SECONDS: i64 = 25, "seconds", Over,
        "A function trusts its reading of the list of stopped apps this long, so no app gets data 30 seconds after its stop.";
    VERIFIED_TOKENS: usize = 256, "tokens of a key", Ours,
        "The signatures of this many tokens are remembered as good; then remembering begins anew.";
    KEYS_AGAIN_SECONDS: i64 = 60, "seconds", Ours,
        "An unknown key causes a new reading of the record of keys only after this long: anybody can make one up.";
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
