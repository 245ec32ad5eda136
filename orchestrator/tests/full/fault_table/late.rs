//! Answers that come when nobody waits for them any more, and requests that arrive as late: the call is
//! made again, and what comes of the first one changes nothing.

use super::stage::{Call, Stage, side_by_side};
use crate::behind::said;
use std::time::Duration;
use test_support::Fault;

#[test]
fn an_answer_comes_after_the_time_out() {
    let mut cases = Vec::new();
    for call in Call::ALL {
        // A JSON call is given 30 seconds, and so is the first byte of a download; an upload may stand
        // still for 60.
        let late = Duration::from_secs(if call == Call::Upload { 63 } else { 33 });
        cases.push((call, Fault::Delay(late), false));
        // What changes something: it is done, and nothing is ever heard of it.
        if matches!(call, Call::Upload | Call::Register | Call::Finalize) {
            cases.push((call, Fault::Withhold, false));
        }
    }
    for call in [Call::Upload, Call::Register] {
        cases.push((call, Fault::Withhold, true));
    }
    side_by_side(&cases, cases.len(), |(failing, fault, base)| {
        let (failing, fault) = (*failing, fault.clone());
        let meets = fault.clone();
        let stage = Stage::once(*base, move |call| match call == failing {
            true => meets.clone(),
            false => Fault::None,
        });
        let run = stage.publish();
        assert_eq!(run.code, Some(0), "{failing:?} {fault:?}: {run}");
        assert!(
            said(&run).contains("again in"),
            "{failing:?} {fault:?}: {run}"
        );
        assert!(stage.shows(), "{failing:?} {fault:?}");
        // The late one has arrived by now.
        std::thread::sleep(Duration::from_secs(5));
        assert!(stage.shows(), "{failing:?} {fault:?}");
        let before = stage.behind.uploads();
        stage.ends_well();
        assert_eq!(stage.behind.uploads(), before, "{failing:?} {fault:?}");
    });
}
