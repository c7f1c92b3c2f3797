//! After a cut: the first message proves who is back and says what it holds, and the picture comes with the answer.

use super::rig::{Rig, SOURCE};
use panecast::frame::Size;
use panecast::session::{BACK_WITHIN, EndReason, StreamState, ViewerEvent, ViewerId};

fn held(n: u32) -> Option<(Size, Vec<u32>)> {
    Some((Size { width: 128, height: 64 }, vec![n, n + 1]))
}

/// A watcher that has seen pictures and holds the tiles of number 7.
fn watching() -> (Rig, ViewerId) {
    let mut rig = Rig::new();
    let ada = rig.watching(1);
    rig.sharer.state(StreamState::Live, SOURCE);
    rig.sharer.packet_for(ada, b"snapshot");
    rig.pump();
    rig.settle();
    rig.seat(ada).holds = held(7);
    (rig, ada)
}

/// Plays the pipeline: whoever needs pictures gets one, named after the turn.
fn show(rig: &mut Rig, turn: usize) {
    for event in std::mem::take(&mut rig.events) {
        if let ViewerEvent::Joined(viewer) | ViewerEvent::Resumed(viewer, ..) = event {
            rig.sharer.packet_for(viewer, format!("turn {turn}").as_bytes());
        }
    }
    rig.pump();
}

fn last(rig: &mut Rig, viewer: ViewerId) -> Option<Vec<u8>> {
    rig.seat(viewer).packets.last().map(|(_, bytes)| bytes.clone())
}

#[test]
fn a_picture_is_back_after_one_message_each_way() {
    let (mut rig, ada) = watching();
    rig.cut();
    rig.events.clear();
    rig.back();
    let (before, began) = (rig.delivered, rig.now);
    assert!(rig.step());
    assert_eq!((rig.delivered - before, rig.now.0 - began.0), (1, rig.latency_us));
    let (size, tiles) = held(7).unwrap();
    assert_eq!(rig.events, [ViewerEvent::Resumed(ada, size, tiles)]);
    show(&mut rig, 1);
    rig.settle();
    assert_eq!(rig.now.0 - began.0, 2 * rig.latency_us, "one round trip");
    assert_eq!((rig.seat(ada).back, last(&mut rig, ada)), (1, Some(b"turn 1".to_vec())));
    assert_eq!(rig.seat(ada).states.last(), Some(&StreamState::Live));
    rig.sharer.packet(b"update");
    rig.pump();
    rig.settle();
    assert_eq!(last(&mut rig, ada), Some(b"update".to_vec()));
}

#[test]
fn more_tiles_than_may_be_told_are_not_told() {
    let (mut rig, ada) = watching();
    rig.seat(ada).holds = Some((Size { width: 64 * 4097, height: 64 }, vec![0; 4097]));
    rig.cut();
    rig.events.clear();
    rig.back();
    rig.settle();
    assert_eq!(rig.events, [ViewerEvent::Joined(ada)]);
}

/// The line breaks again at each message of the way back, and once more.
#[test]
fn a_second_and_a_third_cut_at_any_message_leave_a_way_back() {
    let mut reached = 0;
    for second in 0..4 {
        for third in 0..4 {
            let (mut rig, ada) = watching();
            rig.events.clear();
            for (turn, messages) in [second, third].into_iter().enumerate() {
                rig.cut();
                rig.pass(1_000_000);
                rig.back();
                for _ in 0..messages {
                    if rig.is_quiet() {
                        break;
                    }
                    assert!(rig.step());
                    show(&mut rig, turn);
                    reached += 1;
                }
            }
            rig.cut();
            rig.back();
            rig.settle();
            show(&mut rig, 9);
            rig.settle();
            let seat = rig.seat(ada);
            assert_eq!(seat.ended, None, "cuts at {second} and {third}");
            assert_eq!(
                seat.packets.last(),
                Some(&(true, b"turn 9".to_vec())),
                "cuts at {second} and {third}"
            );
            assert!(rig.questions.is_empty() && rig.left.is_empty());
        }
    }
    assert!(reached > 30, "{reached} messages");
}

/// Whoever heard the first message sends it again: before the joiner comes back, after that, and after the next cut.
#[test]
fn a_repeated_first_message_shows_nothing_and_takes_nothing() {
    let (mut rig, ada) = watching();
    rig.cut();
    rig.back();
    assert!(rig.step());
    let first = rig.heard.last().unwrap().clone();
    rig.cut();
    rig.events.clear();
    rig.sharer.came_back(ada, rig.now);
    rig.sharer.received(ada, &mut first.clone(), rig.now);
    assert!(rig.sharer.poll().is_none(), "not even an answer");
    rig.cut();
    rig.back();
    rig.settle();
    show(&mut rig, 1);
    rig.settle();
    assert_eq!(last(&mut rig, ada), Some(b"turn 1".to_vec()));
    // Painting is the first that is heard of it.
    rig.seat(ada).core.painted(1, 0);
    rig.pump();
    rig.settle();
    rig.cut();
    rig.events.clear();
    rig.sharer.came_back(ada, rig.now);
    rig.sharer.received(ada, &mut first.clone(), rig.now);
    rig.pump();
    assert!(rig.events.is_empty() && rig.is_quiet());
    rig.back();
    rig.settle();
    show(&mut rig, 2);
    rig.settle();
    assert_eq!(last(&mut rig, ada), Some(b"turn 2".to_vec()));
    // In the middle of a session it is a message that was changed.
    rig.sharer.received(ada, &mut first.clone(), rig.now);
    rig.pump();
    assert_eq!(rig.left, [(ada, EndReason::Tampered)]);
}

#[test]
fn an_altered_first_message_costs_a_try() {
    let length = {
        let (mut rig, _) = watching();
        rig.cut();
        rig.back();
        assert!(rig.step());
        rig.heard.last().unwrap().len()
    };
    for at in 0..length {
        let (mut rig, ada) = watching();
        rig.cut();
        rig.events.clear();
        let number = rig.delivered;
        rig.meddle = Some(Box::new(move |n, bytes| {
            if n == number {
                bytes[at] ^= 1 << (at % 8);
            }
        }));
        rig.back();
        rig.settle();
        assert!(rig.events.is_empty(), "byte {at}: nothing is shown for it");
        rig.cut();
        rig.back();
        rig.settle();
        show(&mut rig, 1);
        rig.settle();
        assert_eq!(last(&mut rig, ada), Some(b"turn 1".to_vec()), "byte {at}");
    }
}

/// The relay lets the watcher in while the sharing end is away: what it says is lost, and said again when that is back.
#[test]
fn a_sharing_end_that_is_away_is_waited_for() {
    let (mut rig, ada) = watching();
    rig.cut();
    rig.events.clear();
    for _ in 0..3 {
        let core = &mut rig.seat(ada).core;
        core.back(held(7));
        assert!(core.poll().is_some());
        let now = rig.now;
        rig.seat(ada).core.cut(now);
        rig.pass(5_000_000);
    }
    rig.back();
    rig.settle();
    show(&mut rig, 1);
    rig.settle();
    assert_eq!(last(&mut rig, ada), Some(b"turn 1".to_vec()));

    // Or not for ever.
    rig.cut();
    let core = &mut rig.seat(ada).core;
    core.back(held(7));
    assert!(core.poll().is_some());
    rig.pass(BACK_WITHIN.as_micros() as u64);
    assert_eq!(rig.seat(ada).ended, Some(EndReason::Lost));
}
