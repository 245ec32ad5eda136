//! Names that are too long for a signature to be called after them.

use crate::signing::Pair;
use crate::support::*;
use std::fs;
use test_support::{Sandbox, tree};

#[test]
fn a_file_with_too_long_a_name_is_refused_before_any_is_signed() {
    let (sandbox, pair) = (Sandbox::new(), Pair::new());
    let long = |length: usize| "a".repeat(length);
    let sign = |name: &str, more: &str| {
        let rows = format!("app|linux|x64|binary\n{name}|linux|x64|binary\n");
        fs::write(sandbox.root().join("app"), "bytes").unwrap();
        fs::write(sandbox.root().join(name), "bytes").unwrap();
        fs::write(sandbox.root().join("m"), rows).unwrap();
        let before = tree(sandbox.root());
        let line = format!("sign --manifest m --product alpha --version 1.0.0 {more}");
        let run = pair.signs(atlas(&sandbox, &line)).run();
        (run, before == tree(sandbox.root()))
    };
    for (length, more) in [(252, ""), (255, ""), (248, "--minisig")] {
        let (run, is_as_before) = sign(&long(length), more);
        let says = [
            "cannot be signed",
            "it is longer than 255 bytes",
            "hint: give it",
        ];
        run.exits(2).says(&says);
        assert!(is_as_before, "something was signed");
    }
    let (run, _) = sign(&long(251), "");
    run.exits(0);
    let (run, _) = sign(&long(247), "--minisig");
    run.exits(0);
    // A launcher, which is nothing without its signatures, gets no such row.
    let name = format!("{}_x64.deb", long(245));
    fs::create_dir(sandbox.root().join("out")).unwrap();
    fs::write(sandbox.root().join("out").join(&name), "bytes").unwrap();
    let build = "manifest build --product launcher --from out";
    let run = atlas(&sandbox, build).run().exits(2);
    run.says(&["_x64.deb: has so long a name that its signature could not be"]);
}
