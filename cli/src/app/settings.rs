//! An app as commands print it, as a table or as JSON: first the settings that its developer types into the app, by the
//! names that developers know, then its registration.

use serde_json::{Value as Json, json};
use shared::oauth::client::{Authentication, Client};
use shared::secret::Secret;

use crate::stack::Stack;
use crate::terminal::visible;

/// Something that only this command prints.
pub(super) enum Note<'a> {
    /// A new secret.
    Secret(&'a Secret),
    /// A warning for the operator.
    Warning(&'a str),
    /// The number of grants that were ended.
    Ended(usize),
}

/// The settings that the developer of a new app types into it.
pub(super) fn hand_out(stack: &Stack, app: &Client, notes: &[Note<'_>], as_json: bool) -> String {
    told(stack, app, notes, as_json, false)
}

/// The settings and the registration of one app.
pub(super) fn tell(stack: &Stack, app: &Client, notes: &[Note<'_>], as_json: bool) -> String {
    told(stack, app, notes, as_json, true)
}

fn told(stack: &Stack, app: &Client, notes: &[Note<'_>], as_json: bool, registered_too: bool) -> String {
    let (mut secret, mut ended, mut warnings) = (None, None, Vec::new());
    for note in notes {
        match note {
            Note::Secret(new) => secret = Some(new.reveal()),
            Note::Warning(warning) => warnings.push(*warning),
            Note::Ended(count) => ended = Some(count),
        }
    }
    let base = stack.issuer().fhir_base();
    if as_json {
        let mut told = json!({"api_endpoint": base, "issuer": stack.issuer().as_str(), "client_name": app.name,
            "client_id": app.id, "client_secret": secret, "aud": base});
        let registered = registered(app);
        if let (Some(told), Json::Object(registered)) = (told.as_object_mut(), registered) {
            told.extend(registered);
            told.extend(ended.map(|count| ("permissions_ended".to_owned(), json!(count))));
            told.insert("warnings".to_owned(), json!(warnings));
        }
        return format!("{told}\n");
    }
    let mut rows = vec![("client name", app.name.clone()), ("client id", app.id.clone())];
    rows.extend(secret.map(|secret| ("client secret", format!("{secret}  (shown once)"))));
    rows.extend([("API endpoint", base.clone()), ("issuer", stack.issuer().to_string()), ("aud", base)]);
    if registered_too {
        rows.extend(registered_rows(app));
    }
    rows.extend(ended.map(|count| ("ended", format!("{count} permissions of members"))));
    rows.extend(warnings.into_iter().map(|warning| ("warning", warning.to_owned())));
    let lines: Vec<String> = rows.into_iter().map(|(name, value)| format!("{name:<15}{}\n", visible(&value))).collect();
    lines.concat()
}

fn registered_rows(app: &Client) -> Vec<(&'static str, String)> {
    let mut rows: Vec<_> = app.redirect_uris.iter().map(|uri| ("redirect URI", uri.clone())).collect();
    rows.push(("scope", app.scope.clone().unwrap_or_else(|| "every scope".to_owned())));
    rows.extend(authentication(&app.authentication));
    rows.extend(app.limits.refresh_days.map(|days| ("refresh limit", format!("{days} days"))));
    rows.extend(app.limits.access_seconds.map(|seconds| ("access limit", format!("{seconds} seconds"))));
    rows.push(("registered", app.created_at.to_string()));
    if app.disabled {
        rows.push(("state", "stopped: it gets nothing; `app enable` lets members connect it again".to_owned()));
    }
    rows
}

fn authentication(authentication: &Authentication) -> Vec<(&'static str, String)> {
    match authentication {
        Authentication::None => vec![("signs in", "as a public app, without a secret".to_owned())],
        Authentication::Secret(secrets) => {
            let row = |secret: &shared::oauth::client::ClientSecret| {
                let end = secret.expires_at.map(|end| format!(", ends {end}")).unwrap_or_default();
                ("secret", format!("{} of {}{end}", secret.label, secret.created_at))
            };
            secrets.iter().map(row).collect()
        }
        Authentication::Keys(keys) => {
            let names = keys.keys.iter().filter_map(|key| key.common.key_id.clone());
            names.map(|kid| ("key", format!("{kid}  (private_key_jwt)"))).collect()
        }
        Authentication::KeysAt(url) => vec![("keys at", format!("{url}  (private_key_jwt)"))],
    }
}

/// The registration, by the names of RFC 7591 where it has one.
fn registered(app: &Client) -> Json {
    let mut told = json!({"redirect_uris": app.redirect_uris, "scope": app.scope,
        "token_endpoint_auth_method": app.authentication.method(), "refresh_days": app.limits.refresh_days,
        "access_seconds": app.limits.access_seconds, "registered_at": app.created_at.to_string(), "disabled": app.disabled});
    match &app.authentication {
        Authentication::None => {}
        Authentication::Secret(secrets) => {
            let told_of = |secret: &shared::oauth::client::ClientSecret| {
                json!({"label": secret.label, "created_at": secret.created_at.to_string(),
                    "expires_at": secret.expires_at.map(|end| end.to_string())})
            };
            told["secrets"] = secrets.iter().map(told_of).collect();
        }
        Authentication::Keys(keys) => told["jwks"] = json!(keys),
        Authentication::KeysAt(url) => told["jwks_uri"] = json!(url),
    }
    told
}

/// All apps, one per line.
pub(super) fn list(apps: &[Client], as_json: bool) -> String {
    if as_json {
        let told = |app: &Client| {
            json!({"client_id": app.id, "client_name": app.name, "disabled": app.disabled,
                "token_endpoint_auth_method": app.authentication.method()})
        };
        return format!("{}\n", apps.iter().map(told).collect::<Json>());
    }
    let line = |app: &Client| {
        let state = if app.disabled { "  stopped" } else { "" };
        format!("{:<24}{:<21}{}{state}\n", visible(&app.id), app.authentication.method(), visible(&app.name))
    };
    apps.iter().map(line).collect()
}
