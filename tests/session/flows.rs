//! Each flow, each time limit, a cut at every message, a changed byte in every message.

use super::rig::{Rig, SOURCE};
use panecast::session::seal::TypedKey;
use panecast::session::{
    ANSWER_WITHIN, ASKER_BACK_WITHIN, BACK_WITHIN, Decision, EndReason, Mark, Purpose, SHAKE_WITHIN,
    StreamState, ViewerEvent, ViewerId,
};

use std::time::Duration;

fn us(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap()
}

/// Plays the pipeline: a snapshot for one viewer.
fn snapshot(rig: &mut Rig, viewer: ViewerId, packet: &[u8]) {
    rig.sharer.packet_for(viewer, packet);
    rig.pump();
}

fn packet(rig: &mut Rig, packet: &[u8]) {
    rig.sharer.packet(packet);
    rig.pump();
}

#[test]
fn a_key_leads_to_the_picture_once_the_person_allows_it() {
    let mut rig = Rig::new();
    let key = rig.offer(4829);
    let ada = rig.knock(1, &key);
    rig.settle();
    assert_eq!((rig.seat(ada).sealed, rig.seat(ada).asking), (1, 1));
    assert_eq!((rig.admitted.clone(), rig.closed.len()), (vec![ada], 1), "a key is for one");
    let question = rig.questions[0].clone();
    assert_eq!((question.who.as_str(), question.proven, question.purpose), ("Ada", false, Purpose::Screen));
    assert!(rig.events.is_empty(), "nothing is shown to anybody yet");

    // The pipeline of an eager app changes nothing before the word.
    snapshot(&mut rig, ada, b"secret");
    packet(&mut rig, b"secret");
    rig.settle();
    assert!(rig.seat(ada).packets.is_empty());

    rig.decide(Decision::Allow).unwrap();
    rig.settle();
    assert_eq!(rig.seat(ada).allowed.as_deref(), Some(SOURCE));
    assert_eq!(rig.events, [ViewerEvent::Joined(ada)]);
    rig.sharer.state(StreamState::Live, SOURCE);
    snapshot(&mut rig, ada, b"snapshot");
    packet(&mut rig, b"update 1");
    packet(&mut rig, b"update 2");
    rig.settle();
    let expected =
        [(true, b"snapshot".to_vec()), (false, b"update 1".to_vec()), (false, b"update 2".to_vec())];
    assert_eq!(rig.seat(ada).packets, expected);
    assert_eq!(rig.seat(ada).states, [StreamState::Live]);
    for seen in &rig.seat(ada).seen {
        assert!(!seen.windows(6).any(|bytes| bytes == b"update" || bytes == b"snapsh"), "the relay reads it");
    }

    rig.seat(ada).core.painted(7, 1500);
    rig.seat(ada).core.mark(Mark::Pointer(Some((3, -4))));
    rig.pump();
    rig.settle();
    let painted = ViewerEvent::Painted { viewer: ada, sequence: 7, held: Duration::from_micros(1500) };
    assert_eq!(rig.events.last(), Some(&painted));

    rig.sharer.end(EndReason::SharerStopped);
    rig.pump();
    rig.settle();
    assert_eq!(rig.seat(ada).ended, Some(EndReason::SharerStopped));
    assert_eq!(
        (rig.ended, rig.left.clone()),
        (Some(EndReason::SharerStopped), vec![(ada, EndReason::SharerStopped)])
    );
}

#[test]
fn a_refusal_is_told_and_nothing_is_shown() {
    let mut rig = Rig::new();
    let key = rig.offer(1);
    let ada = rig.knock(1, &key);
    rig.settle();
    assert_eq!(rig.decide(Decision::Deny).unwrap_err().kind(), panecast::ErrorKind::Denied);
    rig.settle();
    assert_eq!(rig.seat(ada).ended, Some(EndReason::Declined));
    snapshot(&mut rig, ada, b"secret");
    assert_eq!((rig.events.len(), rig.dismissed.clone()), (0, vec![(ada, EndReason::Declined)]));
    let late = rig.sharer.answer(ada, Decision::Allow, Purpose::Screen, SOURCE).unwrap_err();
    assert_eq!(late.kind(), panecast::ErrorKind::InvalidInput, "a word for nobody gives no grant");
}

#[test]
fn a_wrong_key_is_told_and_three_of_them_spend_it() {
    let mut rig = Rig::new();
    let key = rig.offer(5);
    let digits = key.to_string().replace(' ', "");
    let wrong = (0..9).map(|i| format!("{}{}", &digits[..8], i)).filter(|k| *k != digits);
    for (i, wrong) in wrong.take(4).enumerate() {
        let guesser = rig.knock(10 + i as u32, &wrong.parse::<TypedKey>().unwrap());
        while rig.seat(guesser).ended.is_none() {
            assert!(rig.step());
        }
        assert_eq!((rig.seat(guesser).ended, rig.seat(guesser).sealed), (Some(EndReason::WrongKey), 0));
    }
    assert!(rig.admitted.is_empty() && rig.questions.is_empty());
    rig.settle();
    assert_eq!(rig.closed, [panecast::session::DoorId(5)]);
    let honest = rig.knock(2, &key);
    while rig.seat(honest).ended.is_none() {
        assert!(rig.step());
    }
    assert_eq!(rig.seat(honest).ended, Some(EndReason::WrongKey), "who proves nothing learns nothing");
    assert!(rig.admitted.is_empty(), "even the right key is spent by now");
}

#[test]
fn who_does_not_answer_in_time_has_said_no() {
    let mut rig = Rig::new();
    let key = rig.offer(1);
    let ada = rig.knock(1, &key);
    rig.settle();
    rig.pass(us(ANSWER_WITHIN) - 200_000);
    assert!(rig.left.is_empty());
    rig.pass(300_000);
    rig.settle();
    assert_eq!(rig.left, [(ada, EndReason::NoAnswer)]);
    assert_eq!(rig.seat(ada).ended, Some(EndReason::NoAnswer));

    // And who stands in the door without a word is sent away.
    rig.sharer.came(ViewerId(9), panecast::session::DoorId(1), rig.now);
    rig.pass(us(SHAKE_WITHIN));
    assert_eq!(rig.left.last(), Some(&(ViewerId(9), EndReason::TimedOut)));
}

#[test]
fn a_second_watcher_joins_late_and_is_asked_for_too() {
    let mut rig = Rig::new();
    let ada = rig.watching(1);
    snapshot(&mut rig, ada, b"first");
    packet(&mut rig, b"one");
    let ben = rig.watching(2);
    assert!(rig.seat(ben).packets.is_empty());
    snapshot(&mut rig, ben, b"late");
    packet(&mut rig, b"two");
    rig.settle();
    assert_eq!(rig.seat(ben).packets, [(true, b"late".to_vec()), (false, b"two".to_vec())]);
    assert_eq!(rig.seat(ada).packets.len(), 3);

    // Who is sent away opens nothing that comes later, even if a relay goes on sending it.
    rig.sharer.dismiss(ada, EndReason::Dismissed);
    rig.pump();
    packet(&mut rig, b"three");
    rig.settle();
    assert_eq!((rig.seat(ada).packets.len(), rig.seat(ada).ended), (3, Some(EndReason::Dismissed)));
    assert_eq!(rig.seat(ben).packets.last(), Some(&(false, b"three".to_vec())));
}

/// The relay drops packets and snapshots that wait for a slow watcher; what is said in between is still in order.
#[test]
fn a_watcher_that_reads_slowly_goes_on_with_the_newest_snapshot() {
    let mut rig = Rig::new();
    let ada = rig.watching(1);
    snapshot(&mut rig, ada, b"snapshot 1");
    packet(&mut rig, b"update 1");
    rig.settle();
    packet(&mut rig, b"update 2");
    snapshot(&mut rig, ada, b"snapshot 2");
    rig.sharer.state(StreamState::Live, SOURCE);
    packet(&mut rig, b"update 3");
    rig.falls_behind(ada);
    packet(&mut rig, b"update 4");
    snapshot(&mut rig, ada, b"snapshot 3");
    snapshot(&mut rig, ada, b"snapshot 4");
    rig.sharer.state(StreamState::Idle, SOURCE);
    packet(&mut rig, b"update 5");
    rig.settle();
    let seat = rig.seat(ada);
    assert_eq!(seat.ended, None);
    assert_eq!(seat.states, [StreamState::Live, StreamState::Idle]);
    let texts: Vec<&[u8]> = seat.packets.iter().map(|(_, bytes)| &bytes[..]).collect();
    assert_eq!(texts, [&b"snapshot 1"[..], b"update 1", b"snapshot 4", b"update 5"]);
}

#[test]
fn a_watcher_that_leaves_is_told_of_and_marks_count_from_watchers_only() {
    let mut rig = Rig::new();
    let ada = rig.watching(1);
    rig.seat(ada).core.leave();
    rig.pump();
    rig.settle();
    assert_eq!(rig.left, [(ada, EndReason::WatcherLeft)]);
    assert_eq!(rig.events, [ViewerEvent::Joined(ada), ViewerEvent::Left(ada)]);
}

/// From the first word to the last, the connection breaks at every message in turn.
#[test]
fn a_cut_at_any_message_is_survived_without_asking_again() {
    let whole = {
        let mut rig = Rig::new();
        play(&mut rig);
        rig.delivered
    };
    assert!(whole > 12, "{whole} messages");
    for at in 1..=whole {
        let mut rig = Rig::new();
        rig.cut_at = Some((at, 3_000_000));
        let ada = play(&mut rig);
        let asked = rig.questions.len();
        let seat = rig.seat(ada);
        match seat.ended {
            // Hands were not shaken: nothing to resume, and nothing was shown.
            Some(EndReason::Lost) => assert!(seat.packets.is_empty() && seat.sealed <= 1, "cut at {at}"),
            None => {
                let (_, last) = seat.packets.last().expect("a picture");
                assert_eq!(last, b"last", "cut at {at}");
                assert_eq!(asked, 0, "cut at {at}: asked once, answered once");
                assert!(seat.states.iter().all(|state| *state == StreamState::Reconnecting));
            }
            other => panic!("cut at {at}: {other:?}"),
        }
    }
}

/// One watcher from key to pictures; the pipeline's part is played after each step.
fn play(rig: &mut Rig) -> ViewerId {
    let key = rig.offer(7);
    let ada = rig.knock(1, &key);
    let mut asked = 0;
    let mut sent = 0;
    let mut seen = 0;
    for _ in 0..200 {
        if rig.seat(ada).ended.is_some() {
            break;
        }
        if !rig.questions.is_empty() {
            asked += 1;
            rig.decide(Decision::Allow).unwrap();
        }
        for event in rig.events.split_off(seen.min(rig.events.len())) {
            if matches!(event, ViewerEvent::Joined(_) | ViewerEvent::Resumed(..)) {
                snapshot(rig, ada, format!("snapshot {sent}").as_bytes());
            }
        }
        seen = rig.events.len();
        if asked == 1 && sent < 5 {
            sent += 1;
            packet(rig, format!("update {sent}").as_bytes());
            rig.seat(ada).core.painted(sent, 0);
            rig.pump();
        }
        let waits = rig.now;
        rig.settle();
        if rig.now == waits && asked == 1 && sent == 5 && rig.events.len() == seen {
            break;
        }
    }
    assert!(asked <= 1, "asked {asked} times");
    packet(rig, b"last");
    rig.settle();
    ada
}

#[test]
fn who_stays_away_too_long_is_lost() {
    let mut rig = Rig::new();
    let ada = rig.watching(1);
    rig.cut();
    rig.pass(us(BACK_WITHIN) + 1);
    rig.back();
    rig.settle();
    assert_eq!(rig.seat(ada).ended, Some(EndReason::Lost));
    assert_eq!(rig.left, [(ada, EndReason::Lost)]);

    // A suspended device wakes up long after: the clock jumps with nothing having been ticked.
    let mut rig = Rig::new();
    let ben = rig.watching(1);
    rig.cut();
    rig.now = panecast::frame::Timestamp(rig.now.0 + us(BACK_WITHIN) * 100);
    rig.back();
    rig.settle();
    assert_eq!(rig.seat(ben).ended.or(rig.left.last().map(|(_, reason)| *reason)), Some(EndReason::Lost));
    assert!(rig.seat(ben).packets.is_empty());
}

#[test]
fn a_question_does_not_outlive_who_asks_it() {
    let mut rig = Rig::new();
    let key = rig.offer(7);
    let ada = rig.knock(1, &key);
    rig.settle();
    assert_eq!(rig.questions.len(), 1);
    // Its page is closed, or dies, without a word.
    rig.seat(ada).linked = false;
    rig.sharer.away(ada, rig.now);
    rig.pass(us(ASKER_BACK_WITHIN) - 1);
    assert!(rig.left.is_empty(), "a short cut is survived");
    rig.pass(1);
    assert_eq!(rig.left, [(ada, EndReason::Lost)]);

    // Who watches may come back for longer.
    let mut rig = Rig::new();
    let ben = rig.watching(1);
    rig.seat(ben).linked = false;
    rig.sharer.away(ben, rig.now);
    rig.pass(us(BACK_WITHIN) - 1);
    assert!(rig.left.is_empty());

    // Where it is the visitor who was cut off, the question stands as long as everything else.
    let mut rig = Rig::new();
    let key = rig.offer(7);
    let eve = rig.knock(1, &key);
    rig.settle();
    rig.cut();
    rig.pass(us(ASKER_BACK_WITHIN) * 3);
    rig.back();
    rig.settle();
    assert!(rig.left.is_empty(), "{:?}", rig.left);
    rig.decide(Decision::Allow).unwrap();
    rig.settle();
    assert_eq!(rig.seat(eve).ended, None);
    assert_eq!(rig.sharer.watchers().collect::<Vec<_>>(), [eve]);
}

/// Every byte of every message in turn is changed on its way.
#[test]
fn a_flipped_bit_ends_the_session_before_anything_is_shown() {
    let whole = {
        let mut rig = Rig::new();
        play(&mut rig);
        rig.delivered
    };
    let (mut told, mut silent) = (0, 0);
    for message in 0..whole {
        for at in [0, 1, 2, 5, 17, 40, usize::MAX] {
            let mut rig = Rig::new();
            rig.meddle = Some(Box::new(move |number, bytes| {
                if number == message && !bytes.is_empty() {
                    let at = at.min(bytes.len() - 1);
                    bytes[at] ^= 1 << (message % 8);
                }
            }));
            let ada = play(&mut rig);
            let left = rig.left.clone();
            let seat = rig.seat(ada);
            let ended = seat.ended.or(left.first().map(|(_, reason)| *reason));
            let refused = [
                EndReason::Tampered,
                EndReason::BrokeRules,
                EndReason::WrongKey,
                EndReason::Spent,
                EndReason::TimedOut,
            ];
            match ended {
                Some(reason) => {
                    assert!(
                        refused.contains(&reason) || reason == EndReason::WatcherLeft,
                        "{message}/{at}: {reason:?}"
                    );
                    told += 1;
                }
                // A first message that is none is not answered; time limits end it.
                None => {
                    assert!(seat.packets.is_empty(), "{message}/{at} was shown");
                    silent += 1;
                }
            }
            for (_, packet) in &seat.packets {
                let sound =
                    packet == b"last" || packet.starts_with(b"update ") || packet.starts_with(b"snapshot ");
                assert!(sound, "{message}/{at}: {packet:?}");
            }
        }
    }
    assert!(told > whole * 6, "{told} told, {silent} silent");
}
