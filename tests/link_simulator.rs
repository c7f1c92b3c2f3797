//! The session's flow control over lines of many kinds, on a virtual clock: how long a letter takes to be seen, how
//! long queues get, how much of a line is used.

mod scene;

#[path = "link_simulator/coded.rs"]
mod coded;
#[path = "link_simulator/line.rs"]
mod line;
#[path = "link_simulator/session.rs"]
mod session;

use coded::{Editor, QUIET};
use line::{Ms, Terms};
use panecast::codec::Mode;
use panecast::session::{Flow, Place, ViewerId};
use scene::Random;
use session::{Desk, Manners, Outcome, Parcel, Simulation};

/// A desktop whose updates have these sizes.
#[derive(Clone, Debug)]
struct Scripted {
    random: Random,
    /// Letters that were typed and not sent.
    typed: Vec<Ms>,
    /// Bytes of the exact part of each picture, as with an animation; the newest alone counts.
    exact: usize,
    /// A video whose coder follows the target bitrate.
    video: bool,
    fps: u64,
    first: usize,
    /// Bytes that are still to be refined.
    unrefined: usize,
    drawn: bool,
}

impl Scripted {
    fn new() -> Self {
        Self {
            random: Random(7),
            typed: Vec::new(),
            exact: 0,
            video: false,
            fps: 30,
            first: 40_000,
            unrefined: 0,
            drawn: false,
        }
    }

    fn video() -> Self {
        Self { video: true, ..Self::new() }
    }

    fn exact(bytes: usize) -> Self {
        Self { exact: bytes, ..Self::new() }
    }
}

impl Desk for Scripted {
    fn capture(&mut self, _now: Ms) -> bool {
        self.drawn |= self.exact > 0 || self.video;
        self.drawn || !self.typed.is_empty()
    }

    fn encode(&mut self, now: Ms, flow: &Flow) -> Option<Parcel> {
        let mut bytes = 40;
        if self.drawn {
            bytes += self.exact;
        }
        if self.video {
            let bits = flow.target_bitrate().unwrap_or(1_000_000).min(8_000_000);
            // Each picture is of another size; one in five seconds begins anew.
            let mean = bits as f64 / 8.0 / self.fps as f64;
            let fresh = if now % 5000 < 40 { 4.0 } else { 1.0 };
            bytes += (mean * fresh * self.random.between(0.5, 1.5)) as usize;
        }
        // What was typed in a row is one changed line.
        for _ in self.typed.iter().take(8) {
            bytes += 150 + self.random.up_to(250) as usize;
        }
        self.drawn = false;
        Some(Parcel { bytes, keys: std::mem::take(&mut self.typed), ..Parcel::default() })
    }

    fn snapshot(&mut self, _now: Ms) -> (Parcel, Parcel) {
        let of = |bytes| Parcel { bytes, ..Parcel::default() };
        (of(self.first), of(12))
    }

    fn refine(&mut self, _now: Ms, bytes: usize) -> Option<Parcel> {
        let bytes = bytes.min(self.unrefined);
        self.unrefined -= bytes;
        (bytes > 0).then(|| Parcel { bytes, ..Parcel::default() })
    }

    fn key(&mut self, pressed: Ms) {
        self.typed.push(pressed);
    }
}

/// The line that the figures are for.
fn thin() -> Terms {
    Terms::new(500, 100)
}

fn run<D: Desk>(mut simulation: Simulation<D>, to: Ms) -> (Simulation<D>, Outcome) {
    let mut out = Outcome::default();
    simulation.run(0, to, &mut out);
    (simulation, out)
}

/// Lines with their round trips; what a person has at home, in a train, in an office.
fn lines() -> Vec<Terms> {
    let of = |(kbit, delay)| Terms::new(kbit, delay);
    [(300, 25), (500, 100), (2000, 20), (10_000, 10), (10_000, 100), (100_000, 5), (100_000, 50)]
        .map(of)
        .into()
}

fn jittery(line: &Terms) -> Terms {
    Terms { jitter: 20, ..line.clone() }
}

#[test]
fn a_letter_is_seen_within_400_ms_on_a_thin_line() {
    let much = Scripted { unrefined: usize::MAX, ..Scripted::new() };
    let both = Scripted { unrefined: usize::MAX, ..Scripted::video() };
    for (what, desk) in [
        ("nothing else", Scripted::new()),
        ("a spinner", Scripted::exact(1000)),
        ("a video", Scripted::video()),
        ("refinement", much),
        ("a video and refinement", both),
    ] {
        for line in [thin(), jittery(&thin())] {
            for told in [true, false] {
                let jitter = line.jitter;
                let mut s = Simulation::new(desk.clone(), std::slice::from_ref(&line))
                    .typing(3000, 60_000, 120)
                    .refining();
                if !told {
                    s = s.untold();
                }
                let (_, out) = run(s, 61_000);
                let (p50, p95) = (out.key_percentile(50, 0, 61_000), out.key_percentile(95, 0, 61_000));
                assert!(p50 < 320 && p95 < 400, "{what}, jitter {jitter}: {p50}, {p95} ms");
                assert_eq!(out.snapshots, 1, "{what}");
            }
        }
    }
}

#[test]
fn where_there_is_much_to_send_a_line_is_used() {
    for line in lines() {
        for bytes in [3_000, 20_000, 100_000] {
            for line in [line.clone(), jittery(&line)] {
                let offered = bytes as f64 * 30.0 * 20.0;
                let most = line.bytes(0) * 20_000.0;
                let mut s = Simulation::new(Scripted::exact(bytes), std::slice::from_ref(&line));
                let mut out = Outcome::default();
                s.run(0, 5000, &mut out);
                let before = s.carried(0);
                s.run(5000, 25_000, &mut out);
                let used = (s.carried(0) - before) / offered.min(most);
                assert!(used >= 0.8, "{line:?}, updates of {bytes}: {used:.2}");
            }
        }
    }
}

#[test]
fn refinement_takes_what_is_left_of_a_line() {
    for line in [thin(), Terms::new(10_000, 10), Terms::new(10_000, 100)] {
        let desk = Scripted { unrefined: usize::MAX, ..Scripted::new() };
        let (s, out) = run(Simulation::new(desk, std::slice::from_ref(&line)).refining(), 20_000);
        let used = s.carried(0) / (line.bytes(0) * 20_000.0);
        assert!(used >= 0.6 && out.refined > 0, "{line:?}: {used:.2}");
    }
}

#[test]
fn queues_stay_short() {
    for line in lines() {
        for line in [line.clone(), jittery(&line)] {
            for (desk, each) in
                [(Scripted::video(), 0), (Scripted::exact(3000), 3000), (Scripted::exact(20_000), 20_000)]
            {
                let own = (f64::from(each) / line.bytes(0)) as Ms;
                let (_, out) = run(Simulation::new(desk, std::slice::from_ref(&line)), 30_000);
                let (p95, most) =
                    (out.wait_percentile(95, 3000, 30_000), out.wait_percentile(100, 3000, 30_000));
                println!("{line:?} {each}: {p95} {most}; own {own}");
                assert!(p95 <= 100 + own, "{line:?}, updates of {each}: {p95} ms");
                assert!(most <= 300 + 2 * own, "{line:?}, updates of {each}: {most} ms");
            }
        }
    }
}

#[test]
fn after_a_stall_the_newest_picture_is_there_within_half_a_second() {
    for (kbit, delay) in [(500, 100), (2000, 50), (10_000, 20)] {
        for desk in [Scripted::video(), Scripted::exact(3000), Scripted::exact(400)] {
            for (from, long) in [(10_000, 500), (10_010, 3000), (10_050, 3000), (10_020, 4000)] {
                let end = from + long;
                let line = Terms { stalls: vec![(from, end)], ..Terms::new(kbit, delay) };
                let s = Simulation::new(desk.clone(), &[line]).typing(3000, 20_000, 100);
                let (s, out) = run(s, 20_000);
                let took = s.painted_since(0, end).expect("nothing is painted") - end;
                assert!(took <= 2 * delay + 500, "{kbit} kbit/s, stalled for {long} ms: {took} ms");
                assert_eq!(out.snapshots, 1, "nothing was lost");
                assert!(out.key_percentile(95, end + 2000, 20_000) < 450);
            }
        }
    }
}

#[test]
fn a_line_that_gets_thin_and_wide_again_is_followed() {
    let (thin, wide) = (10_000, 25_000);
    for desk in [Scripted::video(), Scripted::exact(3000)] {
        let line = Terms { rates: vec![(0, 10_000), (thin, 300), (wide, 10_000)], ..Terms::new(0, 40) };
        let mut s = Simulation::new(desk, &[line]).typing(3000, 34_000, 100);
        let mut out = Outcome::default();
        let mut carried = Vec::new();
        for second in 0..35 {
            let before = s.carried(0);
            s.run(second * 1000, second * 1000 + 1000, &mut out);
            carried.push((s.carried(0) - before) as u64);
        }
        // What was on the way when the line got thin takes its time; after that letters are as quick as ever.
        assert!(out.key_percentile(95, thin + 7000, wide) < 450);
        assert!(carried[18..24].iter().all(|bytes| *bytes >= 37_500 * 7 / 10), "{carried:?}");
        let before: u64 = carried[5..9].iter().sum::<u64>() / 4;
        assert!(carried[29..].iter().all(|bytes| *bytes >= before * 7 / 10), "{carried:?}");
        assert!(out.key_percentile(95, wide + 1000, 34_000) < 250);
    }
}

#[test]
fn the_thinner_line_of_two_sets_the_pace() {
    let lines = [thin(), Terms::new(20_000, 10)];
    let s = Simulation::new(Scripted::video(), &lines).typing(3000, 30_000, 120).joining(1, 8000);
    let (s, out) = run(s, 31_000);
    assert!(out.key_percentile(95, 3000, 30_000) < 400);
    assert_eq!(out.snapshots, 2);
    assert!([0, 1].iter().all(|i| s.flow.place(ViewerId(*i)) == Some(Place::Following)));
    assert!(s.painted_since(1, 30_000).is_some());
}

#[test]
fn one_that_says_nothing_is_left_behind_and_one_that_lies_gains_nothing() {
    let alone = run(Simulation::new(Scripted::video(), &[thin()]).typing(3000, 30_000, 120), 31_000).1;
    for manners in [Manners::Silent, Manners::Lying] {
        let lines = [thin(), Terms::new(20_000, 10)];
        let s = Simulation::new(Scripted::video(), &lines)
            .typing(3000, 30_000, 120)
            .joining(1, 5000)
            .behaving(1, manners);
        let (s, out) = run(s, 31_000);
        let p95 = out.key_percentile(95, 10_000, 30_000);
        assert!(p95 < 400, "{manners:?}: {p95} ms");
        assert!(out.updates * 10 >= alone.updates * 8, "{manners:?}: {} updates", out.updates);
        assert_eq!(s.flow.place(ViewerId(0)), Some(Place::Following));
        let expected = if manners == Manners::Silent { Place::Behind } else { Place::Following };
        assert_eq!(s.flow.place(ViewerId(1)), Some(expected));
    }
}

#[test]
fn real_pictures_come_as_quickly_and_become_exact() {
    for mode in [Mode::Lossless, Mode::Auto] {
        let lines = [thin(), Terms::new(10_000, 20)];
        let s = Simulation::new(Editor::new(mode, 2), &lines)
            .typing(4000, QUIET - 300, 150)
            .joining(1, 12_000)
            .refining();
        let (s, out) = run(s, QUIET + 3000);
        let p95 = out.key_percentile(95, 0, QUIET);
        assert!(p95 < 400, "{mode:?}: {p95} ms");
        assert_eq!(out.snapshots, 2);
        assert_eq!(out.refined > 0, mode == Mode::Auto);
        for viewer in 0..2 {
            let seen = s.desk.seen(viewer);
            assert!(
                seen == Some(&s.desk.picture),
                "{mode:?}: viewer {viewer} does not see the newest picture"
            );
        }
    }
}
