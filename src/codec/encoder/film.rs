//! Where pictures of a camera's film come between whole ones: they share the numbers of one stream.

use super::Encoder;
use crate::bitstream::FEATURE_FILM;

impl Encoder {
    /// The stream may have packets of a film, and its header says so.
    pub(in crate::codec) fn may_film(&mut self) {
        self.more_features = FEATURE_FILM;
    }

    /// Forgets as [`Encoder::forget`], but within the stream: what follows needs no header.
    pub(in crate::codec) fn give_way(&mut self) {
        let begun = self.begun;
        self.forget();
        self.begun = begun;
    }

    /// Begins the packet of a film's picture: writes a header where there has been none. Gives the epoch and the
    /// sequence number.
    pub(in crate::codec) fn film_packet(&mut self, keyframe: bool, out: &mut Vec<u8>) -> (u64, u64) {
        if keyframe {
            self.begin_stream(out);
            self.epoch += 1;
        }
        self.sequence += 1;
        (self.epoch, self.sequence)
    }

    /// Writes the header for a viewer that comes late.
    pub(in crate::codec) fn film_header(&self, out: &mut Vec<u8>) {
        self.begin_stream_for(out);
    }

    /// The last packet's number.
    pub(in crate::codec) fn last_sequence(&self) -> u64 {
        self.sequence
    }
}
