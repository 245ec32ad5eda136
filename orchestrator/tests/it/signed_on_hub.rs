//! `verify` with a public key: what a Hub gives out is signed, whoever has published it.

use crate::hub_server::TestHub;
use crate::signing::Pair;
use crate::support::*;
use serde_json::Value;
use std::fs;
use test_support::Sandbox;

#[test]
fn what_a_hub_gives_out_is_checked_with_the_key() {
    let sandbox = Sandbox::new();
    let staged = staged_release(&sandbox);
    let (pair, hub) = (Pair::new(), TestHub::start());
    pair.signs(atlas(&sandbox, "sign")).run().exits(0);
    hub.publishes(atlas(&sandbox, "publish")).run().exits(0);
    let verify = |line: &str, key: &Pair| {
        let run = hub.publishes(atlas(&sandbox, &format!("verify {line}")));
        run.args(["--public-key", &key.public.to_tauri()]).run()
    };
    let record = staged.join("release.json").display().to_string();
    let other = Pair::new();
    for line in [
        "".to_owned(),
        format!("--against {record}"),
        "0.1.0 --product alpha --product beta".to_owned(),
        "0.1.0 --product alpha --sample 1".to_owned(),
    ] {
        verify(&line, &pair).exits(0);
        // A sample may be of the signature alone.
        if !line.contains("--sample") {
            let run = verify(&line, &other).exits(8);
            run.says(&["its signature does not hold", &pair.public.id().to_string()]);
        }
    }
    // The key that was recorded with the build counts too.
    let mut recorded: Value = serde_json::from_slice(&fs::read(&record).unwrap()).unwrap();
    for (key, code) in [(&pair, 0), (&other, 8)] {
        recorded["public_key"] = key.public.to_tauri().into();
        fs::write(&record, recorded.to_string()).unwrap();
        let line = format!("verify --against {record}");
        hub.publishes(atlas(&sandbox, &line)).run().exits(code);
    }
    // What was published without is told where there is a key, and only there.
    fs::write(sandbox.root().join("app"), "bytes").unwrap();
    fs::write(sandbox.root().join("m"), "app|linux|x64|binary\n").unwrap();
    let goods = "--manifest m --product alpha --version 0.2.0";
    hub.publishes(atlas(&sandbox, &format!("publish {goods}")))
        .run()
        .exits(0);
    let line = "verify 0.2.0 --product alpha";
    hub.publishes(atlas(&sandbox, line)).run().exits(0);
    let run = verify("0.2.0 --product alpha", &pair).exits(8);
    run.says(&["app: it has no signature"]);
}
