//! Gives the command line its version.

fn main() {
    build_version::emit();
}
