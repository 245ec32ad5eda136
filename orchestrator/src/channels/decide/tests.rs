use super::*;
use proptest::prelude::*;
use release_types::{Channel, Kind, Release, Sha256Digest};

fn asset(name: &str, bytes: &[u8]) -> Asset {
    Asset {
        kind: Kind::Binary,
        filename: name.to_owned(),
        size: bytes.len() as u64,
        sha256: Sha256Digest::of(bytes),
        download_id: format!("dl_{name}"),
    }
}

fn time(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

/// What channels have, of rows of platform, version and the second it was published.
fn platforms(rows: &[(&str, &str, i64)]) -> Platforms {
    let release = |(platform, version, at): &(&str, &str, i64)| Release {
        product: "alpha".parse().unwrap(),
        version: (*version).to_owned(),
        channel: Channel::Stable,
        published_at: time(*at),
        platform: platform.parse().unwrap(),
        assets: vec![asset("a", b"a")],
    };
    let releases = rows.iter().map(release);
    releases
        .map(|release| (release.platform, release))
        .collect()
}

/// A history, of rows such as `1.4.0 linux-x64 windows-x64`, with a `-` before what was taken back.
fn history(rows: &[&str]) -> Vec<ReleaseSummary> {
    let row = |row: &&str| {
        let mut words = row.split(' ');
        let version = words.next().unwrap();
        let state = match version.starts_with('-') {
            true => ReleaseState::Yanked,
            false => ReleaseState::Published,
        };
        ReleaseSummary {
            version: version.trim_start_matches('-').to_owned(),
            channel: Channel::Stable,
            published_at: time(0),
            platforms: words.map(|word| word.parse().unwrap()).collect(),
            state,
            yanked_at: None,
            yank_reason: None,
        }
    };
    rows.iter().map(row).collect()
}

#[test]
fn other_bytes_or_a_file_more_on_the_other_channel_stand_in_the_way() {
    let here = [asset("a", b"1"), asset("b", b"2")];
    assert_eq!(step(&here, None), Ok(Step::Register));
    // A Hub that has lost a platform's list lists nothing.
    assert_eq!(step(&here, Some(&[])), Ok(Step::Register));
    assert_eq!(step(&here, Some(&here[..1])), Ok(Step::Register));
    let mut other_kind = here.clone();
    other_kind[0].kind = Kind::Installer;
    assert_eq!(step(&here, Some(&other_kind)), Ok(Step::Register));
    let other = [asset("b", b"3")];
    assert_eq!(
        step(&here, Some(&other)),
        Err(Obstacle::OtherBytes {
            filename: "b".to_owned(),
            there: Sha256Digest::of(b"3"),
            here: Sha256Digest::of(b"2"),
        })
    );
    let more = [asset("a", b"1"), asset("b", b"2"), asset("c", b"4")];
    let filename = "c".to_owned();
    assert_eq!(step(&here, Some(&more)), Err(Obstacle::Extra { filename }));
}

proptest! {
    #[test]
    fn the_same_list_is_unchanged_in_any_order_and_no_other_is(
        names in proptest::collection::btree_set("[a-z]{1,8}", 1..6),
        rotate in 0_usize..6,
        changed in 0_usize..6,
    ) {
        let here: Vec<Asset> = names.iter().map(|name| asset(name, name.as_bytes())).collect();
        let mut there = here.clone();
        for asset in &mut there {
            asset.download_id.push('x');
        }
        let count = there.len();
        there.rotate_left(rotate % count);
        prop_assert_eq!(step(&here, Some(&there)), Ok(Step::Unchanged));
        let changed = &mut there[changed % count];
        changed.sha256 = Sha256Digest::of(b"something else");
        let filename = changed.filename.clone();
        let refused = step(&here, Some(&there));
        let other_bytes = matches!(&refused, Err(Obstacle::OtherBytes { filename: found, .. }) if *found == filename);
        prop_assert!(other_bytes, "{:?}", refused);
    }
}

#[test]
fn beside_the_first_and_the_last_date_there_is_none() {
    let of = |text: &str, published_at: Timestamp| {
        let mut latest = platforms(&[("linux-x64", text, 0)]);
        for release in latest.values_mut() {
            release.published_at = published_at;
        }
        promotion_date(&version("1.4.0"), &latest, &Platforms::new(), time(1000))
    };
    assert_eq!(of("1.5.0", Timestamp::MIN), None);
    assert_eq!(of("1.3.0", Timestamp::MIN), Some(time(1000)));
    assert_eq!(of("1.3.0", Timestamp::MAX), None);
    assert!(of("1.5.0", Timestamp::MAX).is_some());
    assert_eq!(date_after(Some(Timestamp::MAX), time(1000)), None);
}

#[test]
fn a_promoted_release_is_the_newest_unless_the_channel_has_a_higher_version() {
    let promoted = version("1.4.0");
    let date = |latest: &[(&str, &str, i64)], there: &[(&str, &str, i64)]| {
        let date = promotion_date(&promoted, &platforms(latest), &platforms(there), time(1000));
        date.unwrap().as_second()
    };
    let (linux, windows) = ("linux-x64", "windows-x64");
    assert_eq!(date(&[], &[]), 1000);
    assert_eq!(date(&[(linux, "1.3.0", 900)], &[]), 1000);
    // A clock that is ahead, here or there.
    assert_eq!(date(&[(linux, "1.3.0", 2000)], &[]), 2001);
    // What is newer stays the newest, on every platform.
    let newer = [(linux, "1.5.0", 800), (windows, "1.6.0", 900)];
    assert_eq!(date(&newer, &[]), 799);
    // One date for all platforms of a release, where it is late enough.
    let there = [(linux, "1.4.0", 950)];
    assert_eq!(date(&[(linux, "1.4.0", 950)], &there), 950);
    assert_eq!(date(&[(windows, "1.3.0", 960)], &there), 1000);
    // What is not SemVer cannot be newer.
    assert_eq!(date(&[(linux, "v9", 900)], &[]), 1000);
    assert!(is_behind(&promoted, &platforms(&newer)));
    assert!(!is_behind(
        &promoted,
        &platforms(&[(linux, "1.4.0+later", 1)])
    ));
}

fn went(history: &[ReleaseSummary], destination: Destination) -> Result<Option<String>, NoCourse> {
    let course = course(history, &destination)?;
    Ok(course.map(|course| {
        let lacking: Vec<String> = course
            .lacking
            .iter()
            .map(|(platform, then)| format!("{platform}: {}", then.as_deref().unwrap_or("nothing")))
            .collect();
        let (from, to) = (&course.from, &course.to);
        let taken = course.newer.join(" ");
        format!(
            "{from} -> {to}, takes back [{taken}], lacks [{}]",
            lacking.join(", ")
        )
    }))
}

#[test]
fn going_back_takes_back_what_is_newer_the_newest_last() {
    let all = history(&[
        "-1.6.0 linux-x64",
        "1.5.0 linux-x64 windows-x64",
        "1.4.1 linux-x64 macos-arm64",
        "-1.4.0 linux-x64",
        "1.3.0 linux-x64 macos-arm64",
    ]);
    let before = |text: &str| Destination::Before(version(text));
    let to = |text: &str| Destination::Version(version(text));
    let highest = highest_offered([&all[..], &history(&["1.2.0 linux-x64"])]);
    assert_eq!(highest, Some(version("1.5.0")));
    for (destination, expected) in [
        (
            before("1.5.0"),
            Some("1.5.0 -> 1.4.1, takes back [1.5.0], lacks [windows-x64: nothing]"),
        ),
        (
            to("1.3.0"),
            Some("1.5.0 -> 1.3.0, takes back [1.4.1 1.5.0], lacks [windows-x64: nothing]"),
        ),
        (to("1.5.0"), Some("1.5.0 -> 1.5.0, takes back [], lacks []")),
        // This product has not come so far.
        (before("1.7.0"), None),
    ] {
        let expected = Ok(expected.map(str::to_owned));
        assert_eq!(went(&all, destination.clone()), expected, "{destination:?}");
    }
    assert_eq!(went(&all, to("1.4.0")), Err(NoCourse::TakenBack));
    assert_eq!(went(&all, to("1.0.0")), Err(NoCourse::NotThere));
    let nothing = Err(NoCourse::NothingBefore("1.3.0".to_owned()));
    assert_eq!(went(&all[4..], before("1.3.0")), nothing);
    assert_eq!(went(&[], before("1.3.0")), Ok(None));
    // What lacks the version is offered what comes before that.
    let gaps = history(&["2.0.0 linux-x64", "1.9.0 macos-arm64", "1.8.0 linux-x64"]);
    let expected = "2.0.0 -> 1.9.0, takes back [2.0.0], lacks [linux-x64: 1.8.0]";
    assert_eq!(went(&gaps, before("2.0.0")), Ok(Some(expected.to_owned())));
    // Build metadata has no precedence: the Hub's order decides.
    let twins = history(&["1.0.0+b linux-x64", "1.0.0+a linux-x64"]);
    let expected = "1.0.0+b -> 1.0.0+a, takes back [1.0.0+b], lacks []";
    assert_eq!(
        went(&twins, before("1.0.0+b")),
        Ok(Some(expected.to_owned()))
    );
}
