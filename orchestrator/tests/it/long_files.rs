//! A Hub that sends more than a machine's memory holds.

use crate::support::*;
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use test_support::Sandbox;

/// Runs a program and tells the most memory that it had, in KiB, on the last line.
const MEASURED: &str = r"
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
";

/// What a request begins with, up to its empty line.
fn head(client: &mut TcpStream) -> String {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && client.read(&mut byte).unwrap_or(0) == 1 {
        head.extend_from_slice(&byte);
    }
    String::from_utf8_lossy(&head).into_owned()
}

#[test]
fn however_long_a_file_is_memory_stays_flat_and_a_longer_one_is_cut() {
    let listing = |size: u64| {
        json!({
            "product": "alpha", "version": "1.0.0", "channel": "stable",
            "published_at": "2026-01-02T03:04:05Z", "platform": {"os": "linux", "arch": "x64"},
            "assets": [{"kind": "binary", "filename": "big", "size": size, "sha256": "0".repeat(64),
                "download_id": format!("dl_{}", "0".repeat(32))}],
        })
    };
    let verify = |listed: u64, sent: u64| {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = server.local_addr().unwrap();
        // Ends with the test's process.
        std::thread::spawn(move || {
            for mut client in server.incoming().flatten() {
                let head = head(&mut client);
                let line = head.lines().next().unwrap_or_default().to_owned();
                std::thread::spawn(move || -> std::io::Result<()> {
                    let json = "content-type: application/json\r\nconnection: close";
                    if line.contains("/download/") {
                        // Its length is not said, so that only the bytes tell.
                        write!(client, "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")?;
                        let chunk = vec![0; 1 << 20];
                        for _ in 0..sent >> 20 {
                            client.write_all(&chunk)?;
                        }
                    } else if line.contains("/linux/x64") {
                        let body = listing(listed).to_string();
                        let length = body.len();
                        write!(
                            client,
                            "HTTP/1.1 200 OK\r\n{json}\r\ncontent-length: {length}\r\n\r\n{body}"
                        )?;
                    } else {
                        write!(
                            client,
                            "HTTP/1.1 404 None\r\n{json}\r\ncontent-length: 2\r\n\r\n{{}}"
                        )?;
                    }
                    Ok(())
                });
            }
        });
        let sandbox = Sandbox::new();
        let run = atlas(&sandbox, "verify 1.0.0 --product alpha");
        let run = run.env("ATLAS_HUB_URL", format!("http://{address}"));
        let run = run.through(&["python3", "-c", MEASURED]).run().exits(8);
        let peak: u64 = run.stdout.lines().last().unwrap().parse().unwrap();
        // The program itself and its connections; less than a fourth of the shorter file.
        assert!(peak < 64 * 1024, "{peak} KiB: {run}");
        run
    };
    let (ten_gib, some) = (10 << 30, 300 << 20);
    verify(ten_gib, some).says(&[
        &format!("downloads as {some} bytes with sha256",),
        &format!("listed are {ten_gib} bytes"),
    ]);
    verify(some, 1 << 40).says(&[&format!("sends more than the {some} bytes expected")]);
}
