//! The welcome page at `/` and the demo app at `/demo/`. Only the local stack serves them: no template names them. The
//! demo is an app like any other, a public client that knows only the FHIR base.

use local_stack::Page;
use sample_members::SampleMember;
use shared::clock::Time;
use shared::oauth::client::Client;

/// The demo app's client id.
pub const CLIENT_ID: &str = "demo-app";

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// The pages under `/` and `/demo/`. The welcome page lists `members`.
pub fn pages(members: &[SampleMember]) -> Vec<Page> {
    let page = |path, content_type, body: &str| Page { path, content_type, body: body.to_owned() };
    vec![
        page("/", HTML, &welcome(members)),
        page("/demo", HTML, include_str!("../demo/demo.html")),
        page("/demo/", HTML, include_str!("../demo/demo.html")),
        page("/demo/style.css", "text/css; charset=utf-8", include_str!("../demo/style.css")),
        page("/demo/calls.js", SCRIPT, include_str!("../demo/calls.js")),
        page("/demo/demo.js", SCRIPT, include_str!("../demo/demo.js")),
        page("/demo/elements.js", SCRIPT, include_str!("../demo/elements.js")),
        page("/demo/plot.js", SCRIPT, include_str!("../demo/plot.js")),
        page("/demo/record.js", SCRIPT, include_str!("../demo/record.js")),
        page("/demo/smart.js", SCRIPT, include_str!("../demo/smart.js")),
        page("/demo/words.js", SCRIPT, include_str!("../demo/words.js")),
    ]
}

/// The registration of the demo app on the stack at `url`.
pub fn client(url: &str, now: Time) -> Client {
    Client::new(CLIENT_ID, "Demo App", &[&format!("{url}/demo/")], now)
}

fn welcome(members: &[SampleMember]) -> String {
    include_str!("../demo/welcome.html").replace("<!-- members -->", &table(members))
}

/// The members who can sign in, as HTML.
fn table(members: &[SampleMember]) -> String {
    let rows = members.iter().map(|member| {
        let SampleMember { username, password, story, .. } = member;
        let cells = [username, password].map(|text| format!("<td><code>{}</code></td>", escaped(text)));
        format!(
            "<tr><th scope=\"row\">{}</th>{}<td>{}</td></tr>\n",
            escaped(&member.name),
            cells.concat(),
            escaped(story)
        )
    });
    let rows: String = rows.collect();
    if rows.is_empty() {
        return "<p>This stack was started without sample members. <code>patient-access load</code> and \
            <code>patient-access member add</code> put yours in.</p>"
            .to_owned();
    }
    format!(
        "<table class=\"members\"><thead><tr><th>Member</th><th>User name</th><th>Password</th><th>What there is to see</th>\
         </tr></thead><tbody>\n{rows}</tbody></table>"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(story: &'static str) -> SampleMember {
        let name = "A & B".to_owned();
        SampleMember { username: "ab".into(), password: "pw<1>".into(), name, patient: Some("ab".into()), story }
    }

    #[test]
    fn every_file_of_the_demo_is_served_and_nothing_else_is_asked_for() {
        let pages = pages(&[member("a story")]);
        let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/demo")).unwrap();
        for file in folder {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            assert!(pages.iter().any(|page| page.body == text) || text.contains("<!-- members -->"));
            for other in ["https://", "//cdn", "innerHTML", "insertAdjacentHTML", "eval("] {
                assert!(!text.contains(other), "a page of ours contains {other}");
            }
        }
    }

    #[test]
    fn the_welcome_page_names_the_members_and_says_where_there_are_none() {
        let page = welcome(&[member("a story")]);
        assert!(page.contains("A &amp; B") && page.contains("pw&lt;1>") && page.contains("a story"), "{page}");
        assert!(welcome(&[]).contains("without sample members"));
    }
}
