//! The other side, written from docs/sealing.md with the published parts alone: what the document says is what is sent.

use super::{TENANT, limits, seconds};
use chacha20poly1305::aead::AeadInPlace;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit, Nonce};
use hkdf::Hkdf;
use panecast::session::seal::{
    KeyOffer, LinkSecret, PassFault, PassOffer, ResumeOffer, Resumed, SealError, SecretOffer, StreamSealer,
    TenantKey,
};
use sha2::Sha256;
use snow::HandshakeState;
use snow::params::{CipherChoice, DHChoice, HashChoice};
use snow::resolvers::{CryptoResolver, DefaultResolver};
use snow::types::{Cipher, Dh, Hash, Random};
use spake2::{Ed25519Group, Identity, Password, Spake2};
use std::sync::atomic::{AtomicU8, Ordering};

/// Good enough for a test.
struct Counting(u8);

/// Where the next one begins: a joiner has a fresh key for each handshake.
static BEGINS: AtomicU8 = AtomicU8::new(3);

impl Random for Counting {
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), snow::Error> {
        rand_core::RngCore::fill_bytes(self, bytes);
        Ok(())
    }
}

impl rand_core::RngCore for Counting {
    fn next_u32(&mut self) -> u32 {
        rand_core::impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        rand_core::impls::next_u64_via_fill(self)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.0 = self.0.wrapping_mul(5).wrapping_add(77);
            *byte = self.0;
        }
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl rand_core::CryptoRng for Counting {}

struct Resolver;

impl CryptoResolver for Resolver {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(Counting(BEGINS.fetch_add(1, Ordering::Relaxed))))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        DefaultResolver.resolve_dh(choice)
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        DefaultResolver.resolve_hash(choice)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        DefaultResolver.resolve_cipher(choice)
    }
}

fn builder(pattern: &str) -> snow::Builder<'_> {
    snow::Builder::with_resolver(pattern.parse().unwrap(), Box::new(Resolver))
}

fn write(noise: &mut HandshakeState, payload: &[u8]) -> Vec<u8> {
    let mut message = vec![0; 1000];
    let len = noise.write_message(payload, &mut message).unwrap();
    message.truncate(len);
    message
}

fn context(way: u8, host: &[u8]) -> Vec<u8> {
    [b"panecast seal", &[1, way, TENANT.len() as u8][..], TENANT.as_bytes(), &[host.len() as u8], host]
        .concat()
}

fn derive(salt: Option<&[u8]>, secret: &[u8], purpose: &str) -> [u8; 32] {
    let mut key = [0; 32];
    Hkdf::<Sha256>::new(salt, secret).expand(purpose.as_bytes(), &mut key).unwrap();
    key
}

/// What a session's resume is proved with.
fn resume_secret(noise: &mut HandshakeState) -> [u8; 32] {
    let (first, second) = noise.dangerously_get_raw_split();
    let hash = noise.get_handshake_hash().to_vec();
    derive(Some(&hash), &[first, second].concat(), "resume")
}

/// The keys of both directions, and that of replaceable records to the joiner.
fn keys(mut noise: HandshakeState) -> [[u8; 32]; 3] {
    let (first, second) = noise.dangerously_get_raw_split();
    let hash = noise.get_handshake_hash().to_vec();
    ["to host", "to joiner", "replaceable to joiner"]
        .map(|purpose| derive(Some(&hash), &[first, second].concat(), purpose))
}

fn nonce(counter: u64) -> Nonce {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&counter.to_le_bytes());
    nonce.into()
}

fn seal(key: &[u8; 32], beside: &[u8], counter: u64, plain: &[u8]) -> Vec<u8> {
    let (cipher, mut record) = (ChaCha20Poly1305::new(key.into()), plain.to_vec());
    let tag = cipher.encrypt_in_place_detached(&nonce(counter), beside, &mut record).unwrap();
    record.extend(tag);
    record
}

fn open(key: &[u8; 32], beside: &[u8], counter: u64, record: &[u8]) -> Vec<u8> {
    let (plain, tag) = record.split_at(record.len() - 16);
    let (cipher, mut plain) = (ChaCha20Poly1305::new(key.into()), plain.to_vec());
    cipher.decrypt_in_place_detached(&nonce(counter), beside, &mut plain, tag.into()).unwrap();
    plain
}

const LETTERS: &str = "0123456789abcdefghjkmnpqrstvwxyz";

fn from_text(text: &str) -> Vec<u8> {
    let bits: String = text.chars().map(|c| format!("{:05b}", LETTERS.find(c).unwrap())).collect();
    let whole = bits.len() / 8 * 8;
    (0..whole).step_by(8).map(|at| u8::from_str_radix(&bits[at..at + 8], 2).unwrap()).collect()
}

fn to_text(bytes: &[u8]) -> String {
    let mut bits: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
    bits.push_str(&"0".repeat(bits.len().next_multiple_of(5) - bits.len()));
    let letter = |at: usize| usize::from_str_radix(&bits[at..at + 5], 2).unwrap();
    (0..bits.len()).step_by(5).map(|at| char::from(LETTERS.as_bytes()[letter(at)])).collect()
}

#[test]
fn a_link_and_its_records() {
    let link = LinkSecret::draw().unwrap();
    let mut offer = SecretOffer::of_link(&link, TENANT, 1, seconds(9), &limits()).unwrap();
    let psk = derive(None, &from_text(&link.to_string()), "panecast link");
    let mut noise = builder("Noise_NNpsk0_25519_ChaChaPoly_SHA256")
        .psk(0, &psk)
        .unwrap()
        .prologue(&context(2, b""))
        .unwrap()
        .build_initiator()
        .unwrap();
    let hello = [&[1, 2], &write(&mut noise, b"")[..]].concat();
    let (answered, answer) = offer.answer(&hello, seconds(1)).unwrap();
    assert_eq!((answer.len(), answer[0]), (49, 1));
    noise.read_message(&answer[1..], &mut [0; 50]).unwrap();
    let [to_host, to_joiner, replaceable] = keys(noise);
    let last = [&[1], &seal(&to_host, b"host\0\0\0\0", 0, &[0])[..]].concat();
    let mut host = offer.complete(answered, &last, seconds(1)).unwrap();
    for counter in 0..3 {
        let mut record = Vec::new();
        host.seal(7, b"from the host", &mut record).unwrap();
        assert_eq!(open(&to_joiner, b"join\0\0\0\0", counter, &record), b"\x07from the host");
        let mut record = seal(&to_host, b"host\0\0\0\0", counter + 1, b"\x08to the host");
        assert_eq!(host.open(&mut record), Ok((8, &b"to the host"[..])));
        let mut record = Vec::new();
        host.seal_replaceable(9, b"picture", &mut record).unwrap();
        assert_eq!(record[..8], counter.to_le_bytes());
        let beside = [b"jmay\0\0\0\0", &(counter + 1).to_le_bytes()[..]].concat();
        assert_eq!(open(&replaceable, &beside, counter, &record[8..]), b"\x09picture");
    }
}

/// A joiner by a link whose session is cut, and which comes back twice.
#[test]
fn a_resume() {
    let link = LinkSecret::draw().unwrap();
    let mut offer = SecretOffer::of_link(&link, TENANT, 1, seconds(9), &limits()).unwrap();
    let psk = derive(None, &from_text(&link.to_string()), "panecast link");
    let initiator = |psk: &[u8; 32], context: &[u8]| {
        let builder = builder("Noise_NNpsk0_25519_ChaChaPoly_SHA256").psk(0, psk).unwrap();
        builder.prologue(context).unwrap().build_initiator().unwrap()
    };
    let mut noise = initiator(&psk, &context(2, b""));
    let hello = [&[1, 2], &write(&mut noise, b"")[..]].concat();
    let (answered, answer) = offer.answer(&hello, seconds(1)).unwrap();
    noise.read_message(&answer[1..], &mut [0; 50]).unwrap();
    let mut secret = resume_secret(&mut noise);
    let last = [&[1], &seal(&keys(noise)[0], b"host\0\0\0\0", 0, &[0])[..]].concat();
    let mut host = offer.complete(answered, &last, seconds(1)).unwrap();
    for (words, heard) in [(&b"what I hold"[..], true), (b"", false), (b"less", true)] {
        let mut offer = ResumeOffer::new(host.into_ticket().unwrap(), seconds(2), &limits()).unwrap();
        let mut noise = initiator(&secret, b"panecast seal\x01\x05\0\0");
        let hello = [&[1, 5], &write(&mut noise, words)[..]].concat();
        assert_eq!(hello.len(), 2 + 48 + words.len());
        let Resumed { pair, words: said, answer } = offer.accept(&hello, seconds(3)).unwrap();
        assert_eq!((said.as_slice(), answer.len(), answer[0]), (words, 49, 1));
        host = pair;
        if !heard {
            // The answer is lost: the secret is still good.
            continue;
        }
        noise.read_message(&answer[1..], &mut [0; 50]).unwrap();
        secret = resume_secret(&mut noise);
        let [to_host, to_joiner, _] = keys(noise);
        let mut record = Vec::new();
        host.seal(7, b"from the host", &mut record).unwrap();
        assert_eq!(open(&to_joiner, b"join\0\0\0\0", 0, &record), b"\x07from the host");
        let mut record = seal(&to_host, b"host\0\0\0\0", 0, b"\x08to the host");
        assert_eq!(host.open(&mut record), Ok((8, &b"to the host"[..])));
    }
}

#[test]
fn a_typed_key() {
    let key = "482 913 507".parse().unwrap();
    let mut offer = KeyOffer::new(key, None, TENANT, seconds(0), &limits()).unwrap();
    let context = context(1, &4829_u16.to_le_bytes());
    let password = [&13_507_u32.to_le_bytes()[..], &[0; 16]].concat();
    let (pake, message) = Spake2::<Ed25519Group>::start_a_with_rng(
        &Password::new(password),
        &Identity::new(b"joiner"),
        &Identity::new(&context),
        Counting(9),
    );
    let (answered, answer) = offer.answer(&[&[1, 1], &message[..]].concat(), seconds(1)).unwrap();
    assert_eq!((answer.len(), answer[0]), (1 + 33 + 48, 1));
    let psk = derive(None, &pake.finish(&answer[1..34]).unwrap(), "panecast key");
    let mut noise = builder("Noise_NNpsk0_25519_ChaChaPoly_SHA256")
        .psk(0, &psk)
        .unwrap()
        .prologue(&context)
        .unwrap()
        .build_responder()
        .unwrap();
    noise.read_message(&answer[34..], &mut [0; 50]).unwrap();
    let last = [&[1], &write(&mut noise, b"")[..]].concat();
    let mut host = offer.complete(answered, &last, seconds(1)).unwrap();
    let mut record = seal(&keys(noise)[0], b"host\0\0\0\0", 0, b"\x01word");
    assert_eq!(host.open(&mut record), Ok((1, &b"word"[..])));
}

/// An agent with a Noise of its own making shows a pass: its own, or one that it took from another.
#[test]
fn a_pass_and_a_taken_one() {
    let tenant = TenantKey::draw().unwrap();
    let own = builder("Noise_XN_25519_ChaChaPoly_SHA256").generate_keypair().unwrap();
    let public = to_text(&[&[4], &own.public[..]].concat()).parse().unwrap();
    let others = panecast::session::seal::AgentKey::draw().unwrap().public();
    let shown = |pass: &[u8]| {
        let offer = PassOffer::new(tenant.public(), TENANT, "visitor 7", &limits()).unwrap();
        let mut noise = builder("Noise_XN_25519_ChaChaPoly_SHA256")
            .local_private_key(&own.private)
            .unwrap()
            .prologue(&context(4, b"visitor 7"))
            .unwrap()
            .build_initiator()
            .unwrap();
        let hello = [&[1, 4], &write(&mut noise, b"")[..]].concat();
        let (answered, answer) = offer.answer(&hello).unwrap();
        assert_eq!(answer.len(), 49);
        noise.read_message(&answer[1..], &mut [0; 50]).unwrap();
        let last = [&[1], &write(&mut noise, pass)[..]].concat();
        offer.complete(answered, &last, 100).map(|(mut host, pass)| {
            let mut record = seal(&keys(noise)[0], b"host\0\0\0\0", 0, b"\x01word");
            assert_eq!(host.open(&mut record), Ok((1, &b"word"[..])));
            pass.name().to_owned()
        })
    };
    let pass_of = |name, holder| from_text(&tenant.issue(TENANT, name, holder, 100).unwrap().to_string());
    assert_eq!(shown(&pass_of("Eve", &public)), Ok("Eve".to_owned()));
    assert_eq!(shown(&pass_of("Ada", &others)), Err(SealError::Pass(PassFault::OtherHolder)));
    let foreign = tenant.issue("acme2", "Eve", &public, 100).unwrap();
    assert_eq!(shown(&from_text(&foreign.to_string())), Err(SealError::Pass(PassFault::OtherTenant)));
    assert_eq!(shown(b""), Err(SealError::Malformed));
    let mut renamed = pass_of("Eve", &public);
    let name = renamed.windows(3).position(|window| window == b"Eve").unwrap();
    renamed[name] = b'A';
    assert_eq!(shown(&renamed), Err(SealError::Pass(PassFault::Forged)));
}

#[test]
fn a_streams_records() {
    let mut sealer = StreamSealer::new(&limits()).unwrap();
    for _ in 0..258 {
        sealer.rotate().unwrap();
    }
    for counter in 0..3_u64 {
        let given = sealer.key().to_bytes();
        assert_eq!(given[..4], 258_u32.to_le_bytes());
        assert_eq!(given[4..12], counter.to_le_bytes());
        let key: [u8; 32] = given[12..].try_into().unwrap();
        let mut record = Vec::new();
        sealer.seal(5, b"picture", &mut record).unwrap();
        assert_eq!(record[0], 2);
        assert_eq!(open(&key, b"cast\x02\x01\0\0", counter, &record[1..]), b"\x05picture");
    }
}
