//! Gives `atlas-hub` the version of this build.

fn main() {
    build_version::emit();
}
