//! Puts the version into the program.

fn main() {
    build_version::emit();
}
