//! Signatures beside a manifest's files, and their rows.

use super::*;
use crate::sign::SignatureState;
use release_types::{Arch, Os, read_manifest};
use signatures::{SigningKey, TrustedComment, generate};

/// A file of a folder that was signed, and is published under its name.
fn signed(dir: &Path, name: &str, key: &SigningKey) -> Signed {
    let path = dir.join(name);
    Signed {
        signature: key.sign(&b"bytes"[..], &TrustedComment::default()).unwrap(),
        payload: Payload {
            product: "launcher".parse().unwrap(),
            version: "1.0.0".parse().unwrap(),
            filename: name.parse().unwrap(),
            kind: Kind::Binary,
            os: Os::Linux,
            places: vec![Place {
                arch: Arch::X64,
                signature: beside(&path, ENDING),
                stock: beside(&path, STOCK_ENDING),
                path: path.clone(),
                has_stock: false,
            }],
            path,
        },
        state: SignatureState::Made,
        why: None,
        stocks: BTreeSet::new(),
    }
}

#[test]
fn runs_that_sign_at_once_take_no_rows_out() {
    let dir = tempfile::tempdir().unwrap();
    let manifest = dir.path().join("launcher.manifest");
    let pair = generate(None).unwrap();
    let key = SigningKey::open(&pair.secret, None).unwrap();
    const RUNS: usize = 12;
    let names: Vec<String> = (0..RUNS).map(|run| format!("app{run}.exe")).collect();
    let rows = names
        .iter()
        .map(|name| format!("{name}|linux|x64|binary\n"));
    let rows: String = rows.collect();
    for _ in 0..5 {
        std::fs::write(&manifest, &rows).unwrap();
        std::thread::scope(|scope| {
            for name in &names {
                let one = [signed(dir.path(), name, &key)];
                let manifest = &manifest;
                scope.spawn(move || into_manifest(manifest, &one, false).unwrap());
            }
        });
        let text = std::fs::read_to_string(&manifest).unwrap();
        let reading = read_manifest(&text);
        assert_eq!(reading.rows.len(), 2 * RUNS, "{text}");
    }
    let files = std::fs::read_dir(dir.path()).unwrap().count();
    assert_eq!(files, 1 + RUNS, "the manifest and the signatures");
}

#[test]
fn a_file_whose_signature_has_no_name_is_not_signed() {
    let pair = generate(None).unwrap();
    let key = SigningKey::open(&pair.secret, None).unwrap();
    let fits = |length: usize, minisig| {
        let name = format!("{}.exe", "a".repeat(length - 4));
        fit_name(&signed(Path::new("/"), &name, &key).payload, minisig)
    };
    assert!(fits(251, false).is_ok() && fits(247, true).is_ok());
    for (length, minisig) in [(252, false), (255, false), (248, true)] {
        let error = fits(length, minisig).unwrap_err().to_string();
        assert!(error.contains("cannot be signed"), "{error}");
    }
    // What it is called here counts too, by its length alone.
    let mut payload = signed(Path::new("/"), "app.exe", &key).payload;
    payload.places[0].signature = PathBuf::from(format!("/{}.sig", "b".repeat(252)));
    assert!(fit_name(&payload, false).is_err());
    payload.places[0].signature = PathBuf::from("/a: b.sig");
    assert!(fit_name(&payload, false).is_ok());
}
