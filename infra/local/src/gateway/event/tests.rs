use super::*;
use hyper::Request;
use serde_json::{Value, json};

fn event(request: Request<&[u8]>) -> Value {
    let (parts, body) = request.into_parts();
    let route = Route::new("F", Some("GET".to_owned()), "/fhir/{type}").expect("a route");
    let parameters = BTreeMap::from([("type", "Pat ient")]);
    let written = write(("127.0.0.1:9000", "r1"), &parts, "/fhir/Pat ient", (&route, parameters), body);
    serde_json::from_slice(&written.expect("an event")).expect("JSON")
}

#[test]
fn an_event_has_the_shape_of_payload_format_2() {
    let request = Request::get("/fhir/Pat%20ient?a=1&b=x%2Cy&a=2+3&flag")
        .header("Host", "evil.example")
        .header("Accept", "application/json")
        .header("X-Twice", "one")
        .header("X-Twice", "two")
        .header("Cookie", "a=1; b=2")
        .header("Cookie", "c=3")
        .header("User-Agent", "test/1")
        .header("Connection", "keep-alive")
        .body(&b""[..])
        .expect("a request");
    let mut event = event(request);
    let context = event["requestContext"].as_object_mut().expect("a context");
    let time = context.remove("time").expect("time");
    let epoch = context.remove("timeEpoch").and_then(|epoch| epoch.as_u64()).expect("timeEpoch");
    assert_eq!(time, common_log_time(epoch / 1000));
    assert_eq!(context.remove("requestId"), Some("r1".into()));
    assert_eq!(
        event,
        json!({
            "version": "2.0",
            "routeKey": "GET /fhir/{type}",
            "rawPath": "/fhir/Pat ient",
            "rawQueryString": "a=1&b=x%2Cy&a=2+3&flag",
            "cookies": ["a=1", "b=2", "c=3"],
            "headers": {
                "accept": "application/json",
                "host": "evil.example",
                "user-agent": "test/1",
                "x-forwarded-for": "127.0.0.1",
                "x-forwarded-port": "9000",
                "x-forwarded-proto": "http",
                "x-twice": "one,two",
            },
            "queryStringParameters": {"a": "1,2 3", "b": "x,y", "flag": ""},
            "pathParameters": {"type": "Pat ient"},
            "requestContext": {
                "accountId": "000000000000",
                "apiId": "local",
                "domainName": "127.0.0.1:9000",
                "domainPrefix": "127",
                "http": {
                    "method": "GET",
                    "path": "/fhir/Pat ient",
                    "protocol": "HTTP/1.1",
                    "sourceIp": "127.0.0.1",
                    "userAgent": "test/1",
                },
                "routeKey": "GET /fhir/{type}",
                "stage": "$default",
            },
            "isBase64Encoded": false,
        })
    );
}

#[test]
fn only_text_bodies_arrive_as_text() {
    for (content_type, is_text) in [
        ("application/json; charset=utf-8", true),
        ("text/plain", true),
        ("Application/XML", true),
        ("application/x-www-form-urlencoded", false),
        ("application/fhir+json", false),
        ("", false),
    ] {
        let request = Request::post("/").header("Content-Type", content_type).body(&b"{}"[..]);
        let event = event(request.expect("a request"));
        let body = if is_text { "{}" } else { "e30=" };
        assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!(body), &json!(!is_text)));
    }
    let request = Request::post("/").header("Content-Type", "text/plain").body(&b"\xff"[..]);
    assert_eq!(event(request.expect("a request"))["isBase64Encoded"], true);
}

#[test]
fn times_are_written_as_in_access_logs() {
    assert_eq!(common_log_time(1_583_348_638), "04/Mar/2020:19:03:58 +0000");
}
