//! What an operator sees of a Hub: whether it is well, its figures, its log.

use crate::binary::{PROGRAM, Serving, command, initialized, publish, run, serve_args, text};
use crate::support::{Server, client, error, header};
use serde_json::{Value, json};

/// The value of the sample that begins with this.
fn sample(metrics: &str, begin: &str) -> Option<f64> {
    let line = metrics.lines().find(|line| line.starts_with(begin))?;
    line.rsplit(' ').next()?.parse().ok()
}

#[tokio::test]
async fn it_is_ready_while_catalogue_and_storage_answer() {
    let server = Server::start().await;
    let ready = server.get("/readyz").await;
    assert_eq!(ready.status(), 200);
    assert_eq!(
        ready.json::<Value>().await.unwrap(),
        json!({"status": "ok"})
    );
    assert!(server.files("staging").is_empty());

    // Root may write anywhere, so the folder has to go.
    let staging = server.dir.path().join("hub/staging");
    let away = staging.with_file_name("away");
    std::fs::rename(&staging, &away).unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let not = server.get("/readyz").await;
    assert_eq!(header(&not, "retry-after"), "1");
    assert!(error(not, 503).await.contains("stored"));
    assert_eq!(server.get("/healthz").await.status(), 200);
    std::fs::rename(&away, &staging).unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    assert_eq!(server.get("/readyz").await.status(), 200);

    // Whoever is not the Hub cannot make it give up its catalogue: it is closed from within.
    server.hub.clone().close().await;
    assert_eq!(server.get("/healthz").await.status(), 200);
    let mut last = server.get("/readyz").await;
    while last.status() == 200 {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        last = server.get("/readyz").await;
    }
    assert!(error(last, 503).await.contains("catalogue"));
    server.stop().await;
}

#[tokio::test]
async fn the_figures_count_and_hold_nothing_of_requests() {
    let temp = tempfile::tempdir().unwrap();
    let admin = initialized(temp.path());
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let args = [
        &serve_args(temp.path())[..],
        &["--metrics-listen", &address],
    ]
    .concat();
    let serving = Serving::start(command(PROGRAM, &args));
    let (token, url) = publish(&serving.base, &admin).await;
    let client = client();
    let get = async |path: &str| client.get(format!("{}{path}", serving.base)).send().await;
    let file = get("/artifacts/runner/1.0.0/linux/x64/r").await.unwrap();
    assert_eq!(file.bytes().await.unwrap(), "hello");
    for odd in [
        "/odd-path-1?secret=1",
        "/odd%22}-2",
        "/api/v1/download/dl_odd3",
    ] {
        assert_eq!(get(odd).await.unwrap().status(), 404);
    }
    let request = client.request(reqwest::Method::from_bytes(b"ODD4").unwrap(), &serving.base);
    assert!(request.send().await.unwrap().status().is_client_error());
    assert_eq!(get("/metrics").await.unwrap().status(), 404);

    let url_of = |path: &str| format!("http://{address}{path}");
    let answer = client.get(url_of("/metrics")).send().await.unwrap();
    assert!(header(&answer, "content-type").starts_with("application/openmetrics-text"));
    let metrics = answer.text().await.unwrap();
    let is = |begin: &str, value: f64| {
        assert_eq!(sample(&metrics, begin), Some(value), "{begin}: {metrics}");
    };
    let (put, fetch) = (
        r#"{method="PUT",route="/artifacts/{*path}""#,
        r#"{method="GET",route="/artifacts/{*path}""#,
    );
    is(
        &format!("atlas_hub_requests_total{put},status=\"201\"}}"),
        1.0,
    );
    is(
        &format!("atlas_hub_requests_total{fetch},status=\"200\"}}"),
        1.0,
    );
    is(&format!("atlas_hub_received_bytes_total{put}}}"), 5.0);
    is(&format!("atlas_hub_sent_bytes_total{fetch}}}"), 5.0);
    is(&format!("atlas_hub_requests_in_flight{put}}}"), 0.0);
    is(&format!("atlas_hub_requests_in_flight{fetch}}}"), 0.0);
    is(&format!("atlas_hub_request_seconds_count{put}}}"), 1.0);
    is("atlas_hub_stored_bytes", 5.0);
    is("atlas_hub_objects", 1.0);
    let statements = sample(&metrics, "atlas_hub_database_statement_seconds_count");
    assert!(statements > Some(10.0), "{metrics}");
    assert!(metrics.contains(r#"method="other""#), "{metrics}");
    let signature = url.split("ignature=").nth(1).unwrap();
    for hidden in [&token, &admin, signature, "odd", "ODD", "secret", "1.0.0"] {
        assert!(!metrics.contains(hidden), "{hidden}: {metrics}");
    }
    let other = client.get(url_of("/api/v1/hub")).send().await.unwrap();
    assert_eq!(other.status(), 404);
    assert_eq!(serving.stop("-TERM").0, Some(0));
}

#[test]
fn other_machines_read_the_figures_when_that_is_asked_for() {
    let temp = tempfile::tempdir().unwrap();
    initialized(temp.path());
    let open = ["--metrics-listen", "0.0.0.0:0"];
    let refused = run(&[&serve_args(temp.path())[..], &open].concat());
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("--metrics-public"));
    let args = [&serve_args(temp.path())[..], &open, &["--metrics-public"]].concat();
    assert_eq!(
        Serving::start(command(PROGRAM, &args)).stop("-TERM").0,
        Some(0)
    );
}

/// Everything that is secret goes to the Hub where it should and where it should not.
#[tokio::test]
async fn each_request_is_one_line_without_secrets() {
    let temp = tempfile::tempdir().unwrap();
    let admin = initialized(temp.path());
    let args = [
        &serve_args(temp.path())[..],
        &["-vv", "--log-format", "json"],
    ]
    .concat();
    let serving = Serving::start(command(PROGRAM, &args));
    let (token, url) = publish(&serving.base, &admin).await;
    let client = client();
    let base = &serving.base;
    let get = async |path: &str, id: &str| {
        let request = client.get(format!("{base}{path}")).bearer_auth(&token);
        let request = request.header("x-request-id", id);
        let answer = request.send().await.unwrap();
        header(&answer, "x-request-id").to_owned()
    };
    let latest = "/api/v1/releases/runner/latest/linux/x64";
    assert_eq!(get(latest, "mine-1").await, "mine-1");
    assert_eq!(get(latest, &token).await.len(), 32);
    for path in [
        format!("/{token}"),
        format!("/api/v1/download/{token}"),
        format!("/api/v1/releases/{token}/latest/linux/x64?channel={token}"),
        format!("/artifacts/runner/1.0.0/linux/x64/{token}"),
    ] {
        get(&path, &token).await;
    }
    let again = client.put(&url).body("other").send().await.unwrap();
    assert!(again.status().is_client_error());

    let (code, log) = serving.stop("-TERM");
    assert_eq!(code, Some(0), "{log}");
    let signature = url.split("ignature=").nth(1).unwrap();
    for hidden in [
        &token,
        &admin,
        signature,
        "expires=",
        "signature=",
        "channel=",
    ] {
        assert!(!log.contains(hidden), "{hidden}: {log}");
    }
    let lines = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect(line));
    let requests: Vec<Value> = lines
        .filter(|line| line["fields"]["message"] == "request")
        .collect();
    // Four to publish, two for `latest`, four odd ones, one upload.
    assert_eq!(requests.len(), 11, "{log}");
    for request in &requests {
        let fields = &request["fields"];
        assert!(
            fields["method"].is_string() && fields["route"].is_string(),
            "{request}"
        );
        assert!(
            fields["status"].is_u64() && fields["ms"].is_u64(),
            "{request}"
        );
        assert_eq!(fields["from"], "127.0.0.1");
        assert!(request["span"]["id"].is_string(), "{request}");
    }
    let mine = requests
        .iter()
        .filter(|line| line["span"]["id"] == "mine-1");
    let routes: Vec<&Value> = mine.map(|line| &line["fields"]["route"]).collect();
    assert_eq!(routes, ["/api/v1/releases/{product}/latest/{os}/{arch}"]);
}
