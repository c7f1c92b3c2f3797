//! A phone's host: one link, one watcher, and no picture before a yes.

use panecast::bitstream::{FilmCodec, FilmColour, Packet, Piece, Splitter};
use panecast::frame::{Size, Timestamp};
use panecast::session::seal::{Joiner, LinkSecret};
use panecast::session::{Decision, EndReason, FilmUnit, Purpose, StreamState, Watcher, WatcherOutput};
use panecast::{ErrorKind, Limits};
use panecast_web_sharer::{Host, Told};
use std::time::Duration;

const NOW: Timestamp = Timestamp(5_000_000);
const PHONE: u32 = 7;

fn unit(keyframe: bool, data: &'static [u8]) -> FilmUnit<'static> {
    FilmUnit {
        codec: FilmCodec::H264,
        size: Size::new(640, 360),
        colour: FilmColour { bt709: true, full_range: false },
        keyframe,
        timestamp: NOW,
        data,
    }
}

/// A host whose door is a link's, and the link.
fn host() -> (Host, LinkSecret, u32) {
    let mut host = Host::new("default", "Camera", 1_000).unwrap();
    let link = LinkSecret::draw().unwrap();
    let (id, door) = host.take_link(&link.to_string(), 1, Duration::from_secs(60), NOW).unwrap();
    assert_eq!(id, link.door_id());
    (host, link, door)
}

fn watcher(link: &LinkSecret) -> Watcher {
    let joiner = Joiner::by_link(link, "default", &Limits::default()).unwrap();
    Watcher::knock(joiner, "Ada", Purpose::Camera, NOW, Limits::default())
}

/// Carries all to and fro; gives what the watcher saw and what else the host told.
fn run(host: &mut Host, watcher: &mut Watcher) -> (Vec<WatcherOutput>, Vec<Told>) {
    run_at(host, watcher, NOW)
}

fn run_at(host: &mut Host, watcher: &mut Watcher, now: Timestamp) -> (Vec<WatcherOutput>, Vec<Told>) {
    let (mut seen, mut told) = (Vec::new(), Vec::new());
    loop {
        let mut idle = true;
        while let Some(output) = watcher.poll() {
            idle = false;
            match output {
                WatcherOutput::Send(mut bytes) => host.received(PHONE, &mut bytes, now),
                other => seen.push(other),
            }
        }
        while let Some(output) = host.poll(now) {
            idle = false;
            match output {
                Told::Send(mut parcel) => watcher.received(&mut parcel[5..], now),
                other => told.push(other),
            }
        }
        if idle {
            return (seen, told);
        }
    }
}

/// What the packets of films among the outputs hold.
fn films(seen: &[WatcherOutput]) -> Vec<(bool, Vec<u8>)> {
    let packets = seen.iter().filter_map(|output| match output {
        WatcherOutput::Packet { starts_over, bytes } => Some((*starts_over, bytes)),
        _ => None,
    });
    let film = |(starts_over, bytes): (bool, &Vec<u8>)| {
        let mut splitter = Splitter::new();
        let mut header = Vec::new();
        panecast::bitstream::write_header(panecast::bitstream::FEATURE_FILM, &mut header);
        splitter.feed(if starts_over { &[] } else { &header });
        splitter.feed(bytes);
        let limits = Limits::default();
        loop {
            match splitter.next(&limits).unwrap().expect("a whole packet") {
                Piece::Header(_) => {}
                Piece::Packet(kind, body) => match Packet::read(kind, body, &limits).unwrap() {
                    Packet::Film(film) => return (starts_over, film.data.to_vec()),
                    other => panic!("{other:?} is no film"),
                },
            }
        }
    };
    packets.map(film).collect()
}

#[test]
fn no_picture_leaves_before_a_yes_and_one_is_let_in() {
    let (mut host, link, door) = host();
    let mut ada = watcher(&link);
    host.came(PHONE, door, NOW);
    let (seen, told) = run(&mut host, &mut ada);
    assert!(
        told.contains(&Told::Ask { joiner: PHONE, who: "Ada".into() }) && told.contains(&Told::Close(door))
    );
    assert!(films(&seen).is_empty());
    assert_eq!(host.film_wants(NOW), None);
    let early = host.film_unit(&unit(true, b"early"), NOW).map_err(|e| e.kind());
    assert_eq!(early, Err(ErrorKind::Denied));

    host.answer(PHONE, Decision::Allow, Purpose::Camera, NOW).unwrap();
    let (seen, _) = run(&mut host, &mut ada);
    let live = |output: &WatcherOutput| matches!(output, WatcherOutput::State { state: StreamState::Live, source } if source == "Camera");
    assert!(seen.iter().any(live), "{seen:?}");
    assert!(host.film_wants(NOW).is_some_and(|wants| wants.keyframe));
    host.film_unit(&unit(true, b"first"), NOW).unwrap();
    host.film_unit(&unit(false, b"second"), NOW).unwrap();
    let (seen, _) = run(&mut host, &mut ada);
    assert_eq!(films(&seen), [(true, b"first".to_vec()), (false, b"second".to_vec())]);

    // The link is used up: nobody else is answered.
    host.came(PHONE + 1, door, NOW);
    let mut bob = watcher(&link);
    let Some(WatcherOutput::Send(mut hello)) = bob.poll() else { panic!("no hello") };
    host.received(PHONE + 1, &mut hello, NOW);
    let refused = std::iter::from_fn(|| host.poll(NOW)).any(|told| matches!(told, Told::Dismiss(8, _)));
    assert!(refused);
}

#[test]
fn a_no_shows_nothing() {
    let (mut host, link, door) = host();
    let mut ada = watcher(&link);
    host.came(PHONE, door, NOW);
    run(&mut host, &mut ada);
    let denied = host.answer(PHONE, Decision::Deny, Purpose::Camera, NOW).map_err(|e| e.kind());
    assert_eq!(denied, Err(ErrorKind::Denied));
    assert_eq!(host.film_unit(&unit(true, b"late"), NOW).map_err(|e| e.kind()), Err(ErrorKind::Denied));
    let (seen, _) = run(&mut host, &mut ada);
    assert!(films(&seen).is_empty());
    assert!(seen.iter().any(|output| matches!(output, WatcherOutput::Ended(EndReason::Declined))));
}

#[test]
fn a_pause_lets_nothing_through_and_starts_over_afterwards() {
    let (mut host, link, door) = host();
    let mut ada = watcher(&link);
    host.came(PHONE, door, NOW);
    run(&mut host, &mut ada);
    host.answer(PHONE, Decision::Allow, Purpose::Camera, NOW).unwrap();
    run(&mut host, &mut ada);
    host.film_unit(&unit(true, b"first"), NOW).unwrap();
    run(&mut host, &mut ada);
    host.pause(true, NOW);
    assert_eq!(host.film_wants(NOW), None);
    // What was still in the encoder.
    host.film_unit(&unit(false, b"secret"), NOW).unwrap();
    let (seen, _) = run(&mut host, &mut ada);
    assert!(films(&seen).is_empty());
    assert!(seen.iter().any(|o| matches!(o, WatcherOutput::State { state: StreamState::Paused, .. })));
    let later = NOW + Duration::from_secs(2);
    host.pause(false, later);
    assert!(host.film_wants(later).is_some_and(|wants| wants.keyframe));
    host.film_unit(&unit(true, b"again"), later).unwrap();
    let (seen, _) = run(&mut host, &mut ada);
    assert!(films(&seen).contains(&(true, b"again".to_vec())), "{seen:?}");
}

#[test]
fn a_camera_that_gives_nothing_or_is_taken_away_is_told_to_both() {
    let (mut host, link, door) = host();
    let mut ada = watcher(&link);
    host.came(PHONE, door, NOW);
    run(&mut host, &mut ada);
    host.answer(PHONE, Decision::Allow, Purpose::Camera, NOW).unwrap();
    run(&mut host, &mut ada);
    // What the watcher is told by this time, and the host's own page.
    let mut told_at = |host: &mut Host, ms: u64| {
        let now = NOW + Duration::from_millis(ms);
        let (seen, told) = run_at(host, &mut ada, now);
        let seen = seen.into_iter().filter_map(|o| match o {
            WatcherOutput::State { state, source } if source == "Camera" => Some(state),
            _ => None,
        });
        let told = told.into_iter().filter_map(|t| match t {
            Told::State(state) => Some(state),
            _ => None,
        });
        let (seen, told): (Vec<_>, Vec<_>) = (seen.collect(), told.collect());
        assert_eq!(seen, told);
        (seen, host.next_turn(now))
    };
    let at = |ms| NOW + Duration::from_millis(ms);
    host.camera_gave(at(1000));
    let (seen, turn) = told_at(&mut host, 2999);
    assert_eq!(seen, []);
    assert!(turn.is_some_and(|turn| turn <= at(3000)), "it is looked at in time: {turn:?}");
    assert_eq!(told_at(&mut host, 3000).0, [StreamState::Stalled]);
    host.camera_gave(at(3500));
    assert_eq!(told_at(&mut host, 3500).0, [StreamState::Live]);
    host.camera_blocked(true, at(4000));
    assert_eq!(told_at(&mut host, 4000).0, [StreamState::Blocked]);
    assert_eq!(told_at(&mut host, 9000).0, []);
    host.camera_blocked(false, at(9000));
    assert_eq!(told_at(&mut host, 9000).0, [StreamState::Live]);
    assert!(host.film_wants(at(9000)).is_some_and(|wants| wants.keyframe));
}

#[test]
fn a_text_that_is_no_link_opens_nothing() {
    let mut host = Host::new("default", "Camera", 1_000).unwrap();
    let with_key = format!("{}.key", LinkSecret::draw().unwrap());
    for text in ["", "482913507", "0123456789abcdefghjkmnpqr", &with_key] {
        let opened = host.take_link(text, 1, Duration::from_secs(60), NOW);
        assert_eq!(opened.map_err(|e| e.kind()).err(), Some(ErrorKind::InvalidInput), "{text}");
    }
}
