//! A cut session comes back without asking again: once, within a minute, wherever the cut was.

use super::{assert_talk, limits, linked, say, sealed, seconds};
use panecast::session::seal::{
    MOST_FIRST_WORDS, Pair, RESUME_LASTS, ResumeOffer, Resumed, Resuming, SealError, Ticket,
};

const WORDS: &[u8] = b"what I hold";

/// Both sides of a resumed session.
fn resume(offer: &mut ResumeOffer, ticket: &Ticket, now: u64) -> Result<(Pair, Pair), SealError> {
    let (joiner, hello) = Resuming::begin(ticket, WORDS, &limits())?;
    let Resumed { pair, words, answer } = offer.accept(&hello, seconds(now))?;
    assert_eq!(words, WORDS);
    Ok((pair, joiner.finish(&answer)?))
}

fn offer(host: Pair, cut: u64) -> ResumeOffer {
    ResumeOffer::new(host.into_ticket().unwrap(), seconds(cut), &limits()).unwrap()
}

/// Cuts a session at second 100.
fn cut(host: Pair, joiner: Pair) -> (ResumeOffer, Ticket) {
    (offer(host, 100), joiner.into_ticket().unwrap())
}

#[test]
fn a_cut_session_comes_back_once_and_again_after_the_next_cut() {
    let (host, joiner) = linked();
    let (mut offer, ticket) = cut(host, joiner);
    let (mut host, mut joiner) = resume(&mut offer, &ticket, 130).unwrap();
    assert_talk(&mut host, &mut joiner);
    assert_eq!(resume(&mut offer, &ticket, 130).unwrap_err(), SealError::Spent);
    // The session's next cut has a secret of its own.
    let (mut offer, next) = cut(host, joiner);
    assert_eq!(resume(&mut offer, &ticket, 130).unwrap_err(), SealError::WrongSecret);
    let (mut host, mut joiner) = resume(&mut offer, &next, 130).unwrap();
    assert_talk(&mut host, &mut joiner);
}

#[test]
fn a_minute_after_the_cut_it_is_over() {
    assert_eq!(RESUME_LASTS.as_secs(), 60);
    for (now, end) in [(159, None), (160, Some(SealError::Expired)), (90, None)] {
        let (host, joiner) = linked();
        let (mut offer, ticket) = cut(host, joiner);
        assert_eq!(resume(&mut offer, &ticket, now).err(), end, "second {now}");
    }
}

#[test]
fn nobody_else_resumes_a_session() {
    let (host, joiner) = linked();
    let (mut offer, ticket) = cut(host, joiner);
    let (_, stranger) = cut(linked().0, linked().1);
    assert_eq!(resume(&mut offer, &stranger, 101).unwrap_err(), SealError::WrongSecret);
    assert!(resume(&mut offer, &ticket, 101).is_ok(), "that used nothing up");
    // Nor does somebody else answer.
    let (host, joiner) = linked();
    let (_, ticket) = cut(host, joiner);
    let (joiner, _) = Resuming::begin(&ticket, WORDS, &limits()).unwrap();
    let (host, other) = linked();
    let (mut offer, other) = cut(host, other);
    let (_, hello) = Resuming::begin(&other, WORDS, &limits()).unwrap();
    let answer = offer.accept(&hello, seconds(101)).unwrap().answer;
    assert_eq!(joiner.finish(&answer).unwrap_err(), SealError::WrongSecret);
}

/// Who heard a first message repeats it, as often and whenever: the joiner whose it is comes back all the same.
#[test]
fn a_first_message_is_taken_once() {
    let (host, joiner) = linked();
    let (mut waiting, ticket) = cut(host, joiner);
    let (maker, hello) = Resuming::begin(&ticket, WORDS, &limits()).unwrap();
    let Resumed { mut pair, answer, .. } = waiting.accept(&hello, seconds(101)).unwrap();
    let mut record = sealed(&mut pair, b"a picture");
    // That answer is lost. The relay repeats the message; the joiner makes a new one.
    let mut waiting = offer(pair, 102);
    for _ in 0..3 {
        assert_eq!(waiting.accept(&hello, seconds(103)).unwrap_err(), SealError::WrongSecret);
    }
    let (mut host, mut joiner) = resume(&mut waiting, &ticket, 104).unwrap();
    // What was said to the repeated message opens for its maker alone, whom the host has given up.
    assert!(joiner.open(&mut record.clone()).is_err());
    let mut given_up = maker.finish(&answer).unwrap();
    assert_eq!(given_up.open(&mut record), Ok((3, &b"a picture"[..])));
    assert!(host.open(&mut sealed(&mut given_up, b"late")).is_err());
}

#[test]
fn a_secret_is_gone_once_the_joiner_was_heard() {
    let (host, joiner) = linked();
    let (mut waiting, ticket) = cut(host, joiner);
    let (_, kept_back) = Resuming::begin(&ticket, WORDS, &limits()).unwrap();
    let (mut host, mut joiner) = resume(&mut waiting, &ticket, 101).unwrap();
    say(&mut joiner, &mut host, b"here");
    let mut waiting = offer(host, 102);
    assert_eq!(waiting.accept(&kept_back, seconds(103)).unwrap_err(), SealError::WrongSecret);
    assert!(resume(&mut waiting, &joiner.into_ticket().unwrap(), 103).is_ok());
}

#[test]
fn an_altered_first_message_costs_a_try_and_nothing_else() {
    let (host, joiner) = linked();
    let (mut offer, ticket) = cut(host, joiner);
    let (joiner, hello) = Resuming::begin(&ticket, WORDS, &limits()).unwrap();
    for at in 0..hello.len() {
        for bit in 0..8 {
            let mut altered = hello.clone();
            altered[at] ^= 1 << bit;
            assert!(offer.accept(&altered, seconds(101)).is_err(), "byte {at}, bit {bit}");
        }
    }
    for length in 0..hello.len() {
        assert!(offer.accept(&hello[..length], seconds(101)).is_err(), "{length} bytes");
    }
    let Resumed { pair: mut host, answer, .. } = offer.accept(&hello, seconds(101)).unwrap();
    assert_talk(&mut host, &mut joiner.finish(&answer).unwrap());
}

#[test]
fn an_altered_answer_is_not_the_hosts() {
    let (host, joiner) = linked();
    let (mut waiting, ticket) = cut(host, joiner);
    for at in 0..49 {
        let (joiner, hello) = Resuming::begin(&ticket, WORDS, &limits()).unwrap();
        let Resumed { pair, mut answer, .. } = waiting.accept(&hello, seconds(101)).unwrap();
        assert_eq!(answer.len(), 49);
        answer[at] ^= 1 << (at % 8);
        assert!(joiner.finish(&answer).is_err(), "byte {at}");
        waiting = offer(pair, 101);
    }
}

#[test]
fn old_records_do_not_come_back_with_the_session() {
    let (mut host, mut joiner) = linked();
    let old = sealed(&mut host, b"old");
    say(&mut joiner, &mut host, b"more");
    let (mut offer, ticket) = cut(host, joiner);
    let (_, mut joiner) = resume(&mut offer, &ticket, 101).unwrap();
    assert_eq!(joiner.open(&mut old.clone()), Err(SealError::Tampered));
}

#[test]
fn first_words_have_a_limit_on_both_sides() {
    let (host, joiner) = linked();
    let (mut waiting, ticket) = cut(host, joiner);
    let words = vec![7; MOST_FIRST_WORDS];
    let (_, hello) = Resuming::begin(&ticket, &words, &limits()).unwrap();
    let begun = Resuming::begin(&ticket, &vec![7; MOST_FIRST_WORDS + 1], &limits());
    assert_eq!(begun.unwrap_err(), SealError::TooLong);
    let longer = [&hello[..], &[0]].concat();
    assert_eq!(waiting.accept(&longer, seconds(101)).unwrap_err(), SealError::TooLong);
    assert_eq!(waiting.accept(&hello, seconds(101)).unwrap().words, words);
    let tight = panecast::Limits { record_bytes: 8, ..limits() };
    let (host, joiner) = linked();
    let ticket = joiner.into_ticket().unwrap();
    let mut waiting = ResumeOffer::new(host.into_ticket().unwrap(), seconds(100), &tight).unwrap();
    let (_, hello) = Resuming::begin(&ticket, b"123456789", &limits()).unwrap();
    assert_eq!(waiting.accept(&hello, seconds(101)).unwrap_err(), SealError::TooLong);
}

/// Answers that get lost are borne with, but not for ever.
#[test]
fn returns_by_one_secret_are_counted() {
    let (host, joiner) = linked();
    let (mut waiting, ticket) = cut(host, joiner);
    for _ in 0..256 {
        let (_, hello) = Resuming::begin(&ticket, WORDS, &limits()).unwrap();
        waiting = offer(waiting.accept(&hello, seconds(101)).unwrap().pair, 101);
    }
    let (_, hello) = Resuming::begin(&ticket, WORDS, &limits()).unwrap();
    assert_eq!(waiting.accept(&hello, seconds(101)).unwrap_err(), SealError::Spent);
}

/// The network is cut while the session is being resumed, before each of the messages and after the last.
#[test]
fn a_cut_at_any_message_of_a_resume_leaves_a_way_back() {
    for lost in 0..5 {
        let (host, joiner) = linked();
        let (mut waiting, mut ticket) = cut(host, joiner);
        let (joiner, hello) = Resuming::begin(&ticket, WORDS, &limits()).unwrap();
        if lost > 0 {
            let Resumed { pair: mut host, answer, .. } = waiting.accept(&hello, seconds(101)).unwrap();
            if lost > 1 {
                let mut pair = joiner.finish(&answer).unwrap();
                if lost > 2 {
                    say(&mut pair, &mut host, b"first word");
                }
                if lost > 3 {
                    say(&mut host, &mut pair, b"and another");
                }
                ticket = pair.into_ticket().unwrap();
            }
            waiting = offer(host, 102);
        }
        let (mut host, mut joiner) = resume(&mut waiting, &ticket, 103).unwrap();
        assert_talk(&mut host, &mut joiner);
        let (mut waiting, ticket) = cut(host, joiner);
        let (mut host, mut joiner) = resume(&mut waiting, &ticket, 104).unwrap();
        assert_talk(&mut host, &mut joiner);
    }
}
