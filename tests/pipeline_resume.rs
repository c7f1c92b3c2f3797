//! Viewers that were cut off and come back with what they hold.

mod pipeline_rig;

use panecast::codec::{HeldTiles, Mode};
use panecast::frame::{Rect, Size};
use panecast::pipeline::{Audience, Output, ViewerId};
use pipeline_rig::Rig;

/// Bytes of the next packet for one viewer; those before it are delivered and acknowledged.
fn for_one(rig: &mut Rig) -> usize {
    loop {
        match rig.next() {
            Output::Packet { to: Audience::One(_), bytes, .. } => return bytes.len(),
            Output::Ended(how) => panic!("ended: {how:?}"),
            _ => rig.ack_all(),
        }
    }
}

#[test]
fn a_viewer_that_was_cut_off_gets_what_it_lacks() {
    for mode in [Mode::Lossless, Mode::Auto] {
        let mut rig = Rig::coding(mode);
        rig.script.resize(Size::new(600, 400));
        rig.script.paint(Rect::new(0, 0, 600, 400), 1);
        rig.join(1);
        rig.join(2);
        let whole = for_one(&mut rig);
        rig.settle();
        // The first is cut off and misses a change.
        let cut = rig.cut(1);
        rig.script.paint(Rect::new(70, 70, 20, 20), 2);
        rig.settle();
        rig.come_back(1, cut);
        let lacked = for_one(&mut rig);
        assert!(lacked * 4 < whole, "{mode:?}: {lacked} of {whole} bytes");
        rig.settle();
        rig.script.paint(Rect::new(200, 200, 20, 20), 3);
        rig.settle();
    }
}

#[test]
fn lies_and_second_thoughts_take_a_snapshot() {
    let mut rig = Rig::start();
    rig.script.paint(Rect::new(0, 0, 150, 100), 1);
    rig.join(1);
    let whole = for_one(&mut rig);
    rig.settle();
    for viewer in [2, 3] {
        rig.viewers.insert(viewer, pipeline_rig::Viewer::default());
        match viewer {
            2 => {
                let wrong = HeldTiles::new(pipeline_rig::SIZE, vec![7; 6]).expect("as many as tiles");
                rig.pipeline.viewer_resumed(ViewerId(2), wrong);
            }
            _ => {
                // What it said first does not count once it says that it has lost its place.
                rig.pipeline.pause();
                let picture = rig.script.picture();
                let held = HeldTiles::of(&picture).expect("few tiles");
                rig.pipeline.viewer_resumed(ViewerId(3), held);
                rig.pipeline.viewer_joined(ViewerId(3));
                rig.pipeline.resume();
            }
        }
        let sent = for_one(&mut rig);
        assert!(sent * 2 > whole, "viewer {viewer}: {sent} of {whole} bytes");
        rig.settle();
    }
}
