//! The Hub's description of its API: that it is kept, and that it is true.

use crate::support::{Server, header};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const METHODS: [&str; 4] = ["get", "put", "post", "delete"];

fn description() -> Value {
    serde_json::from_str(&hub::describe_api().unwrap()).unwrap()
}

/// Each path with its methods, HEAD aside, which the router answers by itself.
fn operations(description: &Value) -> BTreeMap<String, BTreeSet<&'static str>> {
    let paths = description["paths"].as_object().unwrap();
    let methods = |item: &Value| {
        METHODS
            .into_iter()
            .filter(|method| item.get(method).is_some())
            .collect()
    };
    paths
        .iter()
        .map(|(path, item)| (path.clone(), methods(item)))
        .collect()
}

/// Without the page the description is another one.
#[cfg(feature = "page")]
#[test]
fn the_kept_description_is_the_codes() {
    let kept = include_str!("../../../../docs/openapi.json");
    assert!(
        kept == hub::describe_api().unwrap(),
        "run: cargo run --package hub --example openapi > docs/openapi.json"
    );
}

#[tokio::test]
async fn what_is_served_is_what_is_described() {
    let server = Server::start().await;
    let answer = server.get("/openapi.json").await;
    assert_eq!(answer.status(), 200);
    assert_eq!(header(&answer, "content-type"), "application/json");
    assert_eq!(header(&answer, "cache-control"), "public, max-age=300");
    let etag = header(&answer, "etag").to_owned();
    assert_eq!(answer.text().await.unwrap(), hub::describe_api().unwrap());
    let fields = [("if-none-match", etag.as_str())];
    let again = server.ask(Method::GET, "/openapi.json", &fields).await;
    assert_eq!(again.status(), 304);
    assert_eq!(description()["openapi"], "3.1.0");
}

/// A path with something in the place of its parameters.
fn filled(path: &str) -> String {
    let fill = |segment: &str| match segment {
        "{product}" => "runner".to_owned(),
        "{version}" => "1.0.0".to_owned(),
        "{os}" => "linux".to_owned(),
        "{arch}" => "x64".to_owned(),
        "{channel}" => "beta".to_owned(),
        "{download_id}" => format!("dl_{}", "0".repeat(32)),
        "{pack}" | "{packId}" | "{filename}" => "x".to_owned(),
        other if other.starts_with('{') => panic!("{path}"),
        other => other.to_owned(),
    };
    path.split('/').map(fill).collect::<Vec<_>>().join("/")
}

/// Every operation of the description leads to a route, and no route takes a method that its
/// description has not.
#[tokio::test]
async fn routes_and_description_have_the_same_operations() {
    let server = Server::start().await;
    server.release("runner", "1.0.0", "linux/x64", &["x"]).await;
    let description = description();
    for (path, described) in operations(&description) {
        let mut taken = BTreeSet::new();
        for method in METHODS {
            let request = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let answer = server.ask(request, &filled(&path), &[]).await;
            if answer.status() != StatusCode::METHOD_NOT_ALLOWED {
                taken.insert(method);
            }
            let text = answer.text().await.unwrap();
            assert!(!text.contains("there is nothing here"), "{method} {path}");
        }
        assert_eq!(taken, described, "{path}");
        let head = server.ask(Method::HEAD, &filled(&path), &[]).await;
        let takes_head = head.status() != StatusCode::METHOD_NOT_ALLOWED;
        assert_eq!(takes_head, described.contains("get"), "{path}");
        assert_eq!(
            description["paths"][&path].get("head").is_some(),
            takes_head,
            "{path}"
        );
    }
}

/// Routes get into the router together with their descriptions, and in no other way.
#[test]
fn no_route_is_added_without_a_description() {
    for source in [
        include_str!("../../src/http/mod.rs"),
        include_str!("../../src/http/short.rs"),
        include_str!("../../src/http/page.rs"),
    ] {
        let code = source.split("#[cfg(test)]").next().unwrap();
        for call in [".route(", ".nest(", ".route_service("] {
            assert!(!code.contains(call), "{call}");
        }
    }
}

/// References lead somewhere, names of operations are each used once, parameters stand in their path.
#[test]
fn the_description_is_whole() {
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    match value.as_str() {
                        Some(target) if name == "$ref" => found.push(target.to_owned()),
                        _ => references(value, found),
                    }
                }
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let description = description();
    let mut found = Vec::new();
    references(&description, &mut found);
    assert!(found.len() > 100, "{}", found.len());
    for target in found {
        let pointer = target.strip_prefix('#').unwrap();
        assert!(description.pointer(pointer).is_some(), "{target}");
    }
    let mut names = BTreeSet::new();
    for (path, item) in description["paths"].as_object().unwrap() {
        let segments: BTreeSet<&str> = path
            .split('/')
            .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
            .collect();
        for operation in item.as_object().unwrap().values() {
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name), "{name} stands twice");
            let parameters = operation["parameters"].as_array();
            let named: BTreeSet<&str> = parameters
                .into_iter()
                .flatten()
                .filter(|parameter| parameter["in"] == "path")
                .map(|parameter| parameter["name"].as_str().unwrap())
                .collect();
            assert_eq!(named, segments, "{path}");
        }
    }
}

/// Statuses and headers that clients build on.
#[test]
fn statuses_and_headers() {
    let description = description();
    let statuses = |method: &str, path: &str| -> Vec<u16> {
        let responses = &description["paths"][path][method]["responses"];
        let keys = responses.as_object().unwrap().keys();
        keys.map(|status| status.parse().unwrap()).collect()
    };
    let file = "/artifacts/{product}/{version}/{os}/{arch}/{filename}";
    assert_eq!(
        statuses("get", file),
        [
            200, 206, 302, 304, 400, 404, 405, 412, 415, 416, 429, 500, 503
        ]
    );
    assert_eq!(
        statuses("put", file),
        [
            200, 201, 400, 403, 405, 408, 409, 413, 415, 429, 500, 503, 507
        ]
    );
    assert_eq!(
        statuses("post", "/api/v1/releases/{product}/publish"),
        [
            201, 400, 401, 403, 405, 408, 409, 413, 415, 429, 500, 503, 507
        ]
    );
    assert_eq!(statuses("get", "/healthz"), [200, 405, 415, 500]);
    let header = |pointer: &str| description.pointer(pointer).is_some();
    let answers = "/components/responses";
    assert!(header(&format!(
        "{answers}/TooManyRequests/headers/retry-after"
    )));
    assert!(header(&format!(
        "{answers}/RangeNotSatisfiable/headers/content-range"
    )));
    assert!(header(&format!("{answers}/NotModified/headers/etag")));
    let of_file = &description["paths"][file]["get"]["responses"];
    for (status, name) in [("200", "etag"), ("206", "etag"), ("206", "content-range")] {
        assert!(
            of_file[status]["headers"].get(name).is_some(),
            "{status} {name}"
        );
    }
    let redirect =
        &description["paths"]["/api/v1/download/{download_id}"]["get"]["responses"]["302"];
    assert!(redirect["headers"].get("location").is_some());
}
