//! What no package can hold, and what packages sort otherwise, is told before anything is built.

use crate::installers::project;
use std::fs;

#[test]
fn needs_that_no_package_can_hold_are_refused_before_the_build() {
    let project = project();
    let manifest = "gamma/Cargo.toml";
    let text = fs::read_to_string(project.fixture.root().join(manifest)).unwrap();
    let plan = "plan other-v1.0.0 --allow-untagged --allow-dirty";
    for (format, need) in [
        ("deb", "git (>= 1"),
        ("deb", "Git Hub"),
        ("deb", "a,,b"),
        ("deb", ", "),
        ("deb", "${shlibs:Depends}"),
        ("rpm", "git>=2"),
        ("rpm", "git >= >="),
        ("rpm", "git >= 2.30-1-1"),
        ("rpm", "git, bash"),
    ] {
        let needs = format!("depends = {{ {format} = [\"{need}\"] }}");
        let changed = text.replace("depends = { deb = [\"git\"] }", &needs);
        assert!(changed != text);
        project.fixture.write(manifest, &changed);
        let says = format!("the dependency `{need}` ");
        project.quick(plan).run().exits(2).says(&[&says]);
    }
}

#[test]
fn a_version_that_packages_cannot_tell_from_others_is_refused_before_the_build() {
    let project = project();
    project.fixture.tag("other-v1.4.0-rc-1");
    project.fixture.tag("other-v1.4.0-rc10");
    for command in ["plan", "build"] {
        let line = format!("{command} other-v1.4.0-rc-1 --channel beta");
        project.quick(&line).run().exits(2).says(&[
            "product `gamma` can have no package for Linux in this version",
            "the version `1.4.0-rc-1` has a `-` within its pre-release",
            "hint: number the pre-release behind a dot, as in `-rc.1`",
        ]);
    }
    assert!(!project.sandbox.dist_dir().exists());
    let line = "plan other-v1.4.0-rc-1 --channel beta --no-installers";
    project.quick(line).run().exits(0);

    let line = "build other-v1.4.0-rc10 --channel beta";
    let run = project.quick(line).run().exits(0);
    run.says(&["warning: dpkg and rpm sort `rc10` of 1.4.0-rc10 by its number"]);
    let run = project.quick(&format!("{line} --no-installers")).run();
    let run = run.exits(0);
    assert!(!run.stderr.contains("sort `rc10`"), "{run}");
}
