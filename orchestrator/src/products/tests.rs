use super::*;
use serde_json::json;

fn package(name: &str, bins: &[&str], section: Value) -> Value {
    let targets: Vec<Value> = bins
        .iter()
        .map(|bin| json!({"kind":["bin"],"crate_types":["bin"],"name":bin,"src_path":"/w/main.rs","edition":"2024","doctest":false,"test":true,"doc":true}))
        .collect();
    json!({
        "name": name, "version": "0.1.0", "id": format!("path+file:///w/{name}#0.1.0"),
        "dependencies": [], "targets": targets, "features": {}, "edition": "2024",
        "manifest_path": format!("/w/{name}/Cargo.toml"),
        "metadata": {"atlas-release": section}, "authors": [], "categories": [], "keywords": [],
    })
}

fn read(packages: &[Value], workspace: Value) -> Result<Workspace, String> {
    let ids: Vec<Value> = packages.iter().map(|p| p["id"].clone()).collect();
    let metadata = json!({
        "packages": packages, "workspace_members": ids, "workspace_default_members": ids,
        "resolve": null, "workspace_root": "/w", "target_directory": "/w/target",
        "version": 1, "metadata": workspace,
    });
    let metadata = serde_json::from_value(metadata).unwrap();
    from_metadata(&metadata).map_err(|error| error.to_string())
}

#[test]
fn groups_and_products() {
    let workspace = read(
        &[
            package(
                "two",
                &["b"],
                json!({"product":"beta","group":"g","bin":"b"}),
            ),
            package(
                "one",
                &["a", "x"],
                json!({"product":"alpha","group":"g","bin":"a"}),
            ),
            package(
                "three",
                &["c"],
                json!({"product":"c","group":"c","bin":"c"}),
            ),
        ],
        json!({"atlas-release": {"pass-env": ["PROTOC"]}}),
    )
    .unwrap();
    assert_eq!(workspace.groups(), ["c", "g"]);
    let names: Vec<String> = workspace
        .group("g")
        .iter()
        .map(|p| p.product.to_string())
        .collect();
    assert_eq!(names, ["alpha", "beta"]);
    assert_eq!(workspace.pass_env, ["PROTOC"]);
}

#[test]
fn what_cannot_be_used_names_its_package() {
    let one = |section| read(&[package("one", &["a"], section)], Value::Null).unwrap_err();
    assert_eq!(
        one(json!({"product":"p","group":"g","bin":"a","colour":"red"})),
        "package `one` (/w/one/Cargo.toml): [package.metadata.atlas-release]: \
         unknown field `colour`, expected one of `product`, `group`, `bin`, `tools`, `installer`"
    );
    assert_eq!(
        one(json!({"product":"p","group":"g","bin":"z"})),
        "package `one` (/w/one/Cargo.toml): [package.metadata.atlas-release]: \
         the package has no binary `z`; it has: a"
    );
    assert!(one(json!({"product":"p","group":"g"})).contains("missing field `bin`"));
    assert_eq!(
        one(json!({"product":"p","group":"g","bin":"a","tools":{"signing":[1]}})),
        "package `one` (/w/one/Cargo.toml): [package.metadata.atlas-release.tools]: \
         `signing`, tool 1: it is neither a name nor a table"
    );
    assert!(
        one(json!({"product":"P!","group":"g","bin":"a"})).contains("`P!` is not a product name")
    );
    let twice = json!({"product":"p","group":"g","bin":"a"});
    let twice = [
        package("one", &["a"], twice.clone()),
        package("two", &["a"], twice),
    ];
    assert_eq!(
        read(&twice, Value::Null).unwrap_err(),
        "packages `one` and `two` both declare the product `p`"
    );
    let good = [package(
        "one",
        &["a"],
        json!({"product":"p","group":"g","bin":"a"}),
    )];
    let error = read(&good, json!({"atlas-release": {"pas-env": []}})).unwrap_err();
    assert!(
        error.contains("[workspace.metadata.atlas-release]: unknown field `pas-env`"),
        "{error}"
    );
}

#[test]
fn what_makes_installers_for_macos_is_a_tool_of_the_product() {
    let with = |installer: Value| {
        let mut package = package(
            "one",
            &["a"],
            json!({"product":"alpha","group":"g","bin":"a","installer":installer}),
        );
        package["description"] = json!("Shows how it is done");
        package["license"] = json!("MIT");
        read(&[package], Value::Null)
    };
    let maintainer = "Me <me@example.com>";
    let bare = with(json!({"name": "alpha", "maintainer": maintainer})).unwrap();
    let tools = &bare.products[0].tools.installers;
    assert_eq!((tools.len(), tools[0].name.as_str()), (1, PKGBUILD));
    assert_eq!(tools[0].os, [release_types::Os::Macos]);
    let linux = with(json!({"name": "alpha", "maintainer": maintainer, "formats": ["deb"]}));
    assert!(linux.unwrap().products[0].tools.installers.is_empty());
    let error = with(json!({})).unwrap_err();
    assert!(
        error.contains("[package.metadata.atlas-release.installer]: `maintainer` is missing"),
        "{error}"
    );
}
