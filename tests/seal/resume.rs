//! A cut session comes back without asking again: once, within a minute, wherever the cut was.

use super::{assert_talk, limits, linked, say, sealed, seconds};
use panecast::session::seal::{Joiner, Pair, RESUME_LASTS, SealError, SecretOffer, Ticket};

/// Both sides of a resumed session.
fn resume(offer: &mut SecretOffer, ticket: &Ticket, now: u64) -> Result<(Pair, Pair), SealError> {
    let (joiner, hello) = Joiner::by_resume(ticket, &limits())?;
    let (answered, answer) = offer.answer(&hello, seconds(now))?;
    let (joined, last) = joiner.finish(&answer)?;
    Ok((offer.complete(answered, &last, seconds(now))?, joined))
}

/// Cuts a session at second 100.
fn cut(host: Pair, joiner: Pair) -> (SecretOffer, Ticket) {
    let offer = SecretOffer::of_resume(host.into_ticket().unwrap(), seconds(100), &limits()).unwrap();
    (offer, joiner.into_ticket().unwrap())
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
    // Who heard an earlier resume repeats it.
    let (first, hello) = Joiner::by_resume(&ticket, &limits()).unwrap();
    let (_, answer) = offer.answer(&hello, seconds(101)).unwrap();
    let (_, last) = first.finish(&answer).unwrap();
    let (answered, _) = offer.answer(&hello, seconds(101)).unwrap();
    assert_eq!(offer.complete(answered, &last, seconds(101)).unwrap_err(), SealError::Tampered);
    assert!(resume(&mut offer, &ticket, 101).is_ok(), "that used nothing up");
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

/// What the joiner was resumed with is kept only until the host is heard.
#[test]
fn a_hello_offers_a_second_secret_only_where_it_may_be_needed() {
    let (host, joiner) = linked();
    let (mut offer, ticket) = cut(host, joiner);
    let hello_bytes = |ticket: &Ticket| Joiner::by_resume(ticket, &limits()).unwrap().1.len();
    assert_eq!(hello_bytes(&ticket), 2 + 48);
    let (_, unheard) = resume(&mut offer, &ticket, 101).unwrap();
    assert_eq!(hello_bytes(&unheard.into_ticket().unwrap()), 2 + 96);
    let (host, joiner) = linked();
    let (mut offer, ticket) = cut(host, joiner);
    let (mut host, mut joiner) = resume(&mut offer, &ticket, 101).unwrap();
    say(&mut host, &mut joiner, b"here");
    assert_eq!(hello_bytes(&joiner.into_ticket().unwrap()), 2 + 48);
}

/// The network is cut while the session is being resumed, before each of the messages and after the last.
#[test]
fn a_cut_at_any_message_of_a_resume_leaves_a_way_back() {
    for lost in 0..5 {
        let (host, joiner) = linked();
        let (mut offer, ticket) = cut(host, joiner);
        let (joiner, hello) = Joiner::by_resume(&ticket, &limits()).unwrap();
        // What each side has when the second cut comes.
        let (mut host_pair, mut joiner_ticket) = (None, ticket);
        if lost > 0 {
            let (answered, answer) = offer.answer(&hello, seconds(101)).unwrap();
            if lost > 1 {
                let (mut pair, last) = joiner.finish(&answer).unwrap();
                if lost > 2 {
                    let mut host = offer.complete(answered, &last, seconds(101)).unwrap();
                    let mut record = sealed(&mut host, b"first word");
                    if lost > 3 {
                        assert!(pair.open(&mut record).is_ok());
                    }
                    host_pair = Some(host);
                }
                joiner_ticket = pair.into_ticket().unwrap();
            }
        }
        if let Some(host) = host_pair {
            offer = SecretOffer::of_resume(host.into_ticket().unwrap(), seconds(102), &limits()).unwrap();
        }
        let (mut host, mut joiner) = resume(&mut offer, &joiner_ticket, 103).unwrap();
        assert_talk(&mut host, &mut joiner);
        let (mut offer, ticket) = cut(host, joiner);
        let (mut host, mut joiner) = resume(&mut offer, &ticket, 104).unwrap();
        assert_talk(&mut host, &mut joiner);
    }
}
