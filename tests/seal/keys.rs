//! Typed keys and links: who gets in, and how often one may guess.

use super::{TENANT, assert_talk, limits, seconds};
use panecast::ErrorKind;
use panecast::session::seal::{
    Joiner, KEY_ANSWERS, KEY_LASTS, KeyOffer, LinkSecret, Role, SealError, SecretOffer, TypedKey,
};
use proptest::prelude::*;

const KEY: &str = "482 913 507";

fn key(text: &str) -> TypedKey {
    text.parse().unwrap()
}

fn offer() -> KeyOffer {
    KeyOffer::new(key(KEY), None, TENANT, seconds(0), &limits()).unwrap()
}

/// What the joiner and then the host make of a key.
fn try_key(offer: &mut KeyOffer, text: &str) -> Result<(), SealError> {
    let (joiner, hello) = Joiner::by_key(&key(text), TENANT, &limits()).unwrap();
    let (answered, answer) = offer.answer(&hello, seconds(1))?;
    let (mut joined, last) = joiner.finish(&answer)?;
    let mut hosted = offer.complete(answered, &last, seconds(1))?;
    assert_eq!((hosted.role(), joined.role()), (Role::Host, Role::Joiner));
    assert_talk(&mut hosted, &mut joined);
    Ok(())
}

#[test]
fn the_right_key_opens_once() {
    let mut offer = offer();
    assert_eq!(try_key(&mut offer, "482-913-507"), Ok(()));
    assert_eq!(offer.answers_left(), 0);
    assert_eq!(try_key(&mut offer, KEY), Err(SealError::Spent));
}

#[test]
fn every_other_digit_is_a_wrong_key_and_a_third_guess_the_last() {
    for place in [4, 5, 6, 7, 8] {
        let mut digits: Vec<char> = KEY.chars().filter(char::is_ascii_digit).collect();
        digits[place] = if digits[place] == '9' { '0' } else { '9' };
        let wrong: String = digits.into_iter().collect();
        assert_eq!(try_key(&mut offer(), &wrong), Err(SealError::WrongKey), "{wrong}");
    }
    let mut offer = offer();
    for left in (0..KEY_ANSWERS).rev() {
        assert_eq!(try_key(&mut offer, "482 913 508"), Err(SealError::WrongKey));
        assert_eq!(offer.answers_left(), left);
    }
    assert_eq!(try_key(&mut offer, KEY), Err(SealError::Spent));
    assert_eq!(SealError::WrongKey.kind(), ErrorKind::Untrusted);
    assert_eq!(SealError::Spent.kind(), ErrorKind::Expired);
}

#[test]
fn two_mistypes_leave_a_try() {
    let mut offer = offer();
    assert_eq!(try_key(&mut offer, "482 913 508"), Err(SealError::WrongKey));
    assert_eq!(try_key(&mut offer, "482 913 509"), Err(SealError::WrongKey));
    assert_eq!(try_key(&mut offer, KEY), Ok(()));
}

#[test]
fn one_of_two_joiners_at_once_gets_in() {
    let mut offer = offer();
    let (first, hello) = Joiner::by_key(&key(KEY), TENANT, &limits()).unwrap();
    let (second, other_hello) = Joiner::by_key(&key(KEY), TENANT, &limits()).unwrap();
    let (answered, answer) = offer.answer(&hello, seconds(1)).unwrap();
    let (other_answered, other_answer) = offer.answer(&other_hello, seconds(1)).unwrap();
    let (_, last) = first.finish(&answer).unwrap();
    let (_, other_last) = second.finish(&other_answer).unwrap();
    assert!(offer.complete(other_answered, &other_last, seconds(1)).is_ok());
    assert_eq!(offer.complete(answered, &last, seconds(1)).unwrap_err(), SealError::Spent);
}

#[test]
fn a_key_is_good_for_ten_minutes_and_no_longer() {
    let mut offer = offer();
    let end = KEY_LASTS.as_secs();
    assert_eq!(end, 600);
    let (joiner, hello) = Joiner::by_key(&key(KEY), TENANT, &limits()).unwrap();
    let (answered, answer) = offer.answer(&hello, seconds(end - 1)).unwrap();
    let (_, last) = joiner.finish(&answer).unwrap();
    assert_eq!(offer.answer(&hello, seconds(end)).unwrap_err(), SealError::Expired);
    assert_eq!(offer.complete(answered, &last, seconds(end)).unwrap_err(), SealError::Expired);
}

#[test]
fn tenant_and_number_count_as_much_as_the_secret() {
    for (text, tenant) in [("482 913 507", "acme2"), ("482 813 507", TENANT)] {
        let (joiner, hello) = Joiner::by_key(&key(text), tenant, &limits()).unwrap();
        let (_, answer) = offer().answer(&hello, seconds(1)).unwrap();
        assert_eq!(joiner.finish(&answer).unwrap_err(), SealError::WrongKey);
    }
    assert_eq!(Joiner::by_key(&key(KEY), "", &limits()).unwrap_err(), SealError::Text);
}

#[test]
fn a_relay_that_runs_both_handshakes_with_its_own_guess_gets_nowhere() {
    let mut host = offer();
    let guess = "482 900 001";
    for _ in 0..KEY_ANSWERS {
        // It plays the host to the agent, and the agent to the host.
        let mut false_host = KeyOffer::new(key(guess), None, TENANT, seconds(0), &limits()).unwrap();
        let (agent, hello) = Joiner::by_key(&key(KEY), TENANT, &limits()).unwrap();
        let (_, false_answer) = false_host.answer(&hello, seconds(1)).unwrap();
        let (false_agent, false_hello) = Joiner::by_key(&key(guess), TENANT, &limits()).unwrap();
        let (answered, answer) = host.answer(&false_hello, seconds(1)).unwrap();
        assert_eq!(agent.finish(&false_answer).unwrap_err(), SealError::WrongKey);
        assert_eq!(false_agent.finish(&answer).unwrap_err(), SealError::WrongKey);
        let mut last = vec![1];
        last.extend([7; 48]);
        assert_eq!(host.complete(answered, &last, seconds(1)).unwrap_err(), SealError::WrongKey);
    }
    assert_eq!(try_key(&mut host, KEY), Err(SealError::Spent));
}

#[test]
fn every_flipped_bit_of_a_handshake_ends_it_without_a_channel() {
    for flipped_message in 0..3 {
        for at in 0.. {
            let mut offer = offer();
            let flip = |message: usize, bytes: &mut Vec<u8>| {
                let here = message == flipped_message && at / 8 < bytes.len();
                if here {
                    bytes[at / 8] ^= 1 << (at % 8);
                }
                here
            };
            let (joiner, mut hello) = Joiner::by_key(&key(KEY), TENANT, &limits()).unwrap();
            let mut flipped = flip(0, &mut hello);
            let end = offer.answer(&hello, seconds(1)).and_then(|(answered, mut answer)| {
                flipped |= flip(1, &mut answer);
                let (_, mut last) = joiner.finish(&answer)?;
                flipped |= flip(2, &mut last);
                offer.complete(answered, &last, seconds(1))
            });
            assert_eq!(end.is_err(), flipped, "message {flipped_message}, bit {at}");
            if !flipped {
                assert_eq!(at, 8 * [35, 82, 49][flipped_message], "all of the message was tried");
                break;
            }
        }
    }
}

#[test]
fn cut_off_and_overlong_messages_are_refused() {
    let (joiner, hello) = Joiner::by_key(&key(KEY), TENANT, &limits()).unwrap();
    let mut host = offer();
    for bytes in 0..hello.len() {
        assert!(host.answer(&hello[..bytes], seconds(1)).is_err());
    }
    let long = [&hello[..], &[0]].concat();
    assert_eq!(host.answer(&long, seconds(1)).unwrap_err(), SealError::Malformed);
    assert_eq!(host.answer(&[2, 1], seconds(1)).unwrap_err(), SealError::Version(2));
    assert_eq!(host.answers_left(), KEY_ANSWERS, "what tells nothing is no guess");
    let (answered, answer) = host.answer(&hello, seconds(1)).unwrap();
    assert!(joiner.finish(&answer[..answer.len() - 1]).is_err());
    assert!(host.complete(answered, &[], seconds(1)).is_err());
}

fn try_link(offer: &mut SecretOffer, link: &LinkSecret, now: u64) -> Result<(), SealError> {
    let (joiner, hello) = Joiner::by_link(link, TENANT, &limits())?;
    let (answered, answer) = offer.answer(&hello, seconds(now))?;
    let (mut joined, last) = joiner.finish(&answer)?;
    let mut hosted = offer.complete(answered, &last, seconds(now))?;
    assert_talk(&mut hosted, &mut joined);
    Ok(())
}

#[test]
fn a_link_opens_as_often_and_as_long_as_it_says() {
    let link = LinkSecret::draw().unwrap();
    let other = LinkSecret::draw().unwrap();
    let mut offer = SecretOffer::of_link(&link, TENANT, 2, seconds(100), &limits()).unwrap();
    assert_eq!(try_link(&mut offer, &other, 1), Err(SealError::WrongSecret));
    assert_eq!(try_link(&mut offer, &link.to_string().parse().unwrap(), 2), Ok(()));
    assert_eq!(try_link(&mut offer, &link, 100), Err(SealError::Expired));
    assert_eq!(try_link(&mut offer, &link, 99), Ok(()));
    assert_eq!(try_link(&mut offer, &link, 99), Err(SealError::Spent));
    let mut elsewhere = SecretOffer::of_link(&link, "acme2", 1, seconds(100), &limits()).unwrap();
    assert_eq!(try_link(&mut elsewhere, &link, 1), Err(SealError::WrongSecret));
}

#[test]
fn a_repeated_first_message_of_a_link_opens_nothing_and_uses_nothing_up() {
    let link = LinkSecret::draw().unwrap();
    let mut offer = SecretOffer::of_link(&link, TENANT, 1, seconds(100), &limits()).unwrap();
    let (joiner, hello) = Joiner::by_link(&link, TENANT, &limits()).unwrap();
    let (answered, answer) = offer.answer(&hello, seconds(1)).unwrap();
    let (_, last) = joiner.finish(&answer).unwrap();
    let (repeated, _) = offer.answer(&hello, seconds(1)).unwrap();
    assert_eq!(offer.complete(repeated, &last, seconds(1)).unwrap_err(), SealError::Tampered);
    assert!(offer.complete(answered, &last, seconds(1)).is_ok());
}

#[test]
fn a_link_with_a_key_needs_both() {
    let (link, other) = (LinkSecret::draw().unwrap(), LinkSecret::draw().unwrap());
    let attempt = |text: &str, link_of_joiner: &LinkSecret| {
        let mut offer = KeyOffer::new(key(KEY), Some(link.clone()), TENANT, seconds(0), &limits()).unwrap();
        let (joiner, hello) = Joiner::by_key_and_link(&key(text), link_of_joiner, TENANT, &limits()).unwrap();
        let (answered, answer) = offer.answer(&hello, seconds(1))?;
        let (mut joined, last) = joiner.finish(&answer)?;
        let mut hosted = offer.complete(answered, &last, seconds(1))?;
        assert_talk(&mut hosted, &mut joined);
        Ok(())
    };
    assert_eq!(attempt(KEY, &link), Ok(()));
    assert_eq!(attempt(KEY, &other), Err(SealError::WrongKey));
    assert_eq!(attempt("482 913 508", &link), Err(SealError::WrongKey));
    // One of the two alone is another way, which this host does not offer.
    let (_, hello) = Joiner::by_key(&key(KEY), TENANT, &limits()).unwrap();
    let mut offer = KeyOffer::new(key(KEY), Some(link.clone()), TENANT, seconds(0), &limits()).unwrap();
    assert_eq!(offer.answer(&hello, seconds(1)).unwrap_err(), SealError::Malformed);
    let (_, hello) = Joiner::by_link(&link, TENANT, &limits()).unwrap();
    assert_eq!(offer.answer(&hello, seconds(1)).unwrap_err(), SealError::Malformed);
}

#[test]
fn nothing_secret_is_in_what_debug_prints() {
    let link = LinkSecret::draw().unwrap();
    let offer = KeyOffer::new(key(KEY), Some(link.clone()), TENANT, seconds(0), &limits()).unwrap();
    let (joiner, _) = Joiner::by_key(&key(KEY), TENANT, &limits()).unwrap();
    let of_link = SecretOffer::of_link(&link, TENANT, 1, seconds(1), &limits()).unwrap();
    let printed = format!("{offer:?} {joiner:?} {of_link:?} {link:?}");
    assert!(!printed.contains("13507") && !printed.contains(&link.to_string()), "{printed}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_message_is_refused_or_answered(bytes in prop::collection::vec(any::<u8>(), 0..120), way in 0_u8..7) {
        let link = LinkSecret::draw().unwrap();
        let mut of_link = SecretOffer::of_link(&link, TENANT, 1, seconds(9), &limits()).unwrap();
        let hello = [&[1, way], &bytes[..]].concat();
        let last = [&[1], &bytes[..]].concat();
        // A point can be met by chance: one in two is on the curve.
        if offer().answer(&hello, seconds(1)).is_ok() {
            prop_assert_eq!((way, bytes.len()), (1, 33));
        }
        prop_assert!(of_link.answer(&hello, seconds(1)).is_err());
        let (joiner, real) = Joiner::by_link(&link, TENANT, &limits()).unwrap();
        let (answered, _) = of_link.answer(&real, seconds(1)).unwrap();
        prop_assert!(of_link.complete(answered, &last, seconds(1)).is_err());
        prop_assert!(joiner.finish(&last).is_err());
        let (joiner, real) = Joiner::by_key(&key(KEY), TENANT, &limits()).unwrap();
        let mut host = offer();
        let (answered, _) = host.answer(&real, seconds(1)).unwrap();
        prop_assert!(host.complete(answered, &last, seconds(1)).is_err());
        prop_assert!(joiner.finish(&last).is_err());
    }
}
