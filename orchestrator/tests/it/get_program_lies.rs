//! A Hub that lies to the action that gets the program: what it says is shown and never done, and what it gives out
//! is not taken for what it lists.

use crate::get_program::World;
use std::fs;
use test_support::{Fault, Proxy};

#[test]
fn other_bytes_than_the_hub_lists_are_refused() {
    let world = World::new();
    let file = world.publishes(true);
    let text = fs::read_to_string(file).unwrap();
    for other in [text.replace("of the Hub", "of nobody!"), text + "\n"] {
        let hub = world.giving("binary", other);
        world.refuses(&hub.url(), "with other bytes than it lists");
    }
}

/// A workflow's commands are found in what a job prints.
#[test]
fn what_a_hub_says_is_no_command() {
    for answer in ["\n::stop-commands::x\n", "##[add-mask]e"] {
        let world = World::new();
        let hub = Proxy::bind().serve(world.hub.address, move |_| {
            Fault::Answer(200, answer.to_owned())
        });
        let (run, _) = world.get(&hub.url());
        let run = run.exits(0);
        assert!(run.stdout.contains("the Hub cannot be asked"), "{run}");
        let is_command = |line: &str| line.starts_with("::stop") || line.contains("##[");
        assert!(!run.stdout.lines().any(is_command), "{run}");
    }
}
