//! Gives the daemon its version.

fn main() {
    build_version::emit();
}
