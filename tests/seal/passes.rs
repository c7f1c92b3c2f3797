//! Agents with a pass: the visitor's app lets in whom the tenant has signed, and nobody else.

use super::{TENANT, assert_talk, limits};
use panecast::ErrorKind;
use panecast::session::seal::{
    AgentKey, AgentPublic, Joiner, LinkSecret, Pass, PassFault, PassOffer, SealError, TenantKey, TenantPublic,
};
use proptest::prelude::*;

const NOW: u64 = 1_800_000_000;

struct Rig {
    tenant: TenantKey,
    agent: AgentKey,
    pass: Pass,
}

impl Rig {
    fn new() -> Self {
        let (tenant, agent) = (TenantKey::draw().unwrap(), AgentKey::draw().unwrap());
        let pass = tenant.issue(TENANT, "Ada", &agent.public(), NOW + 60).unwrap();
        Self { tenant, agent, pass }
    }

    fn offer(&self) -> PassOffer {
        PassOffer::new(self.tenant.public(), TENANT, "visitor 7", &limits()).unwrap()
    }

    fn try_pass(&self, pass: &Pass, agent: &AgentKey, now: u64) -> Result<String, SealError> {
        let offer = self.offer();
        let (joiner, hello) = Joiner::by_pass(pass, agent, "visitor 7", &limits())?;
        let (answered, answer) = offer.answer(&hello)?;
        let (mut joined, last) = joiner.finish(&answer)?;
        let (mut hosted, shown) = offer.complete(answered, &last, now)?;
        assert_talk(&mut hosted, &mut joined);
        Ok(shown.name().to_owned())
    }
}

#[test]
fn an_agent_with_a_pass_comes_in_by_name() {
    let rig = Rig::new();
    assert_eq!(rig.try_pass(&rig.pass, &rig.agent, NOW), Ok("Ada".to_owned()));
    assert_eq!(rig.try_pass(&rig.pass, &rig.agent, NOW + 60), Ok("Ada".to_owned()));
    let late = rig.try_pass(&rig.pass, &rig.agent, NOW + 61);
    assert_eq!(late, Err(SealError::Pass(PassFault::Expired)));
    assert_eq!(late.unwrap_err().kind(), ErrorKind::Expired);
    assert_eq!((rig.pass.tenant(), rig.pass.not_after()), (TENANT, NOW + 60));
}

#[test]
fn forged_foreign_and_borrowed_passes_are_refused() {
    let (rig, other) = (Rig::new(), Rig::new());
    let fault = |pass: &Pass, agent: &AgentKey| rig.try_pass(pass, agent, NOW).unwrap_err();
    assert_eq!(fault(&other.pass, &other.agent), SealError::Pass(PassFault::Forged));
    assert_eq!(SealError::Pass(PassFault::Forged).kind(), ErrorKind::Untrusted);
    // Somebody else's pass: the agent's own side refuses it first.
    assert_eq!(fault(&rig.pass, &other.agent), SealError::Pass(PassFault::OtherHolder));
    // The tenant signed it, but for its other name. The visitor's app has this one.
    let renamed = rig.tenant.issue("acme2", "Ada", &rig.agent.public(), NOW + 60).unwrap();
    assert_eq!(fault(&renamed, &rig.agent), SealError::Tampered, "the handshake itself is another");
    assert_eq!(
        renamed.check(&rig.tenant.public(), TENANT, NOW),
        Err(SealError::Pass(PassFault::OtherTenant))
    );
    // Meant for another visitor, and brought to this one by the relay.
    let (joiner, hello) = Joiner::by_pass(&rig.pass, &rig.agent, "visitor 8", &limits()).unwrap();
    let (_, answer) = rig.offer().answer(&hello).unwrap();
    assert_eq!(joiner.finish(&answer).unwrap_err(), SealError::Tampered);
}

/// An attacker who took the pass shows it under a key of its own, with a Noise of its own making.
#[test]
fn a_pass_without_its_key_opens_nothing() {
    let (rig, thief) = (Rig::new(), AgentKey::draw().unwrap());
    let own = rig.tenant.issue(TENANT, "Eve", &thief.public(), NOW + 60).unwrap();
    let offer = rig.offer();
    let (joiner, hello) = Joiner::by_pass(&own, &thief, "visitor 7", &limits()).unwrap();
    let (answered, answer) = offer.answer(&hello).unwrap();
    let (_, last) = joiner.finish(&answer).unwrap();
    // The thief is an agent itself, but changes what it shows to Ada's: the message no longer fits.
    for at in 0..last.len() {
        let offer = rig.offer();
        let (joiner, hello) = Joiner::by_pass(&own, &thief, "visitor 7", &limits()).unwrap();
        let (answered, answer) = offer.answer(&hello).unwrap();
        let (_, mut last) = joiner.finish(&answer).unwrap();
        last[at] ^= 1;
        assert!(offer.complete(answered, &last, NOW).is_err(), "byte {at}");
    }
    assert!(offer.complete(answered, &last, NOW).is_ok());
}

#[test]
fn a_flipped_bit_makes_a_pass_a_forgery() {
    let rig = Rig::new();
    let text = rig.pass.to_string();
    let mut read = 0;
    for at in 0..text.len() {
        for letter in ["0", "7", "q", "z"] {
            let mut changed = text.clone();
            changed.replace_range(at..=at, letter);
            let Ok(pass) = changed.parse::<Pass>() else { continue };
            if pass == rig.pass {
                continue;
            }
            read += 1;
            assert_eq!(
                pass.check(&rig.tenant.public(), TENANT, NOW),
                Err(SealError::Pass(PassFault::Forged)),
                "letter {at}"
            );
        }
    }
    assert!(read > 400, "{read} of the changed texts are passes at all");
}

#[test]
fn texts_of_one_sort_are_not_taken_for_another() {
    let rig = Rig::new();
    let texts = [
        rig.tenant.to_string(),
        rig.tenant.public().to_string(),
        rig.agent.to_string(),
        rig.agent.public().to_string(),
        rig.pass.to_string(),
        LinkSecret::draw().unwrap().to_string(),
    ];
    for (i, text) in texts.iter().enumerate() {
        let read = [
            text.parse::<TenantKey>().is_ok(),
            text.parse::<TenantPublic>().is_ok(),
            text.parse::<AgentKey>().is_ok(),
            text.parse::<AgentPublic>().is_ok(),
            text.parse::<Pass>().is_ok(),
            text.parse::<LinkSecret>().is_ok(),
        ];
        assert_eq!(read, std::array::from_fn(|j| i == j), "{text}");
    }
    let again: AgentKey = texts[2].parse().unwrap();
    assert_eq!(again.public(), rig.agent.public());
    let tenant: TenantKey = texts[0].parse().unwrap();
    assert_eq!(tenant.public(), rig.tenant.public());
    let printed = format!("{:?} {:?}", rig.tenant, rig.agent);
    assert!(!printed.contains(&texts[0]) && !printed.contains(&texts[2]));
}

#[test]
fn names_that_a_person_cannot_read_are_not_signed() {
    let rig = Rig::new();
    let long = "n".repeat(256);
    for name in ["", "A\nB", "\u{7}", &long] {
        assert_eq!(rig.tenant.issue(TENANT, name, &rig.agent.public(), NOW), Err(SealError::Text));
        assert_eq!(rig.tenant.issue(name, "Ada", &rig.agent.public(), NOW), Err(SealError::Text));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn passes_come_back_from_their_text(tenant in "[^\\p{C}]{1,40}", name in "[^\\p{C}]{1,40}", not_after: u64) {
        let key = TenantKey::draw().unwrap();
        let pass = key.issue(&tenant, &name, &AgentKey::draw().unwrap().public(), not_after).unwrap();
        let read: Pass = pass.to_string().parse().unwrap();
        prop_assert_eq!(&read, &pass);
        prop_assert_eq!((read.tenant(), read.name(), read.not_after()), (&*tenant, &*name, not_after));
        prop_assert!(read.check(&key.public(), &tenant, not_after).is_ok());
    }

    #[test]
    fn any_message_is_refused_or_answered(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let rig = Rig::new();
        let (mut hello, mut last) = (vec![1, 4], vec![1]);
        hello.extend(&bytes);
        last.extend(&bytes);
        prop_assert_eq!(rig.offer().answer(&hello).is_ok(), bytes.len() == 32);
        let (_, real) = Joiner::by_pass(&rig.pass, &rig.agent, "visitor 7", &limits()).unwrap();
        let (answered, _) = rig.offer().answer(&real).unwrap();
        prop_assert!(rig.offer().complete(answered, &last, NOW).is_err());
        let (joiner, _) = Joiner::by_pass(&rig.pass, &rig.agent, "visitor 7", &limits()).unwrap();
        prop_assert!(joiner.finish(&last).is_err());
    }
}
