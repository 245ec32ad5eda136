//! Drawing some of many, each as likely as any other.

use std::collections::BTreeSet;

/// `number` of the numbers below `of`.
pub(super) fn of(number: usize, of: usize) -> BTreeSet<usize> {
    draw(number, of, random)
}

/// Robert Floyd's way: each step draws from one number more, and where that is drawn already takes the
/// last, which cannot be. `random` draws a number below the one it is given.
fn draw(number: usize, of: usize, mut random: impl FnMut(usize) -> usize) -> BTreeSet<usize> {
    let mut drawn = BTreeSet::new();
    for last in of.saturating_sub(number)..of {
        let one = random(last + 1);
        if !drawn.insert(one) {
            drawn.insert(last);
        }
    }
    drawn
}

/// A number below `bound`, by the system's randomness; without it there is no draw, and the first is as
/// good as any.
fn random(bound: usize) -> usize {
    let drawn = getrandom::u64().unwrap_or_default();
    // Of a 64-bit number the remainder is even enough for files.
    usize::try_from(drawn % bound as u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_is_drawn_as_often_as_any_other() {
        let mut times = [0; 5];
        // All ways that two draws from five can go.
        for first in 0..4 {
            for second in 0..5 {
                let mut given = [first, second].into_iter();
                for one in draw(2, 5, |_| given.next().unwrap()) {
                    times[one] += 1;
                }
            }
        }
        assert_eq!(times, [8; 5]);
    }

    proptest! {
        #[test]
        fn as_many_as_asked_for_and_none_beyond(of in 0_usize..50, number in 0_usize..60) {
            let drawn = super::of(number, of);
            prop_assert_eq!(drawn.len(), number.min(of));
            prop_assert!(drawn.iter().all(|one| *one < of));
        }
    }
}
