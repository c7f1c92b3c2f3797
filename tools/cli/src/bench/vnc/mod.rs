//! Tight and ZRLE, by a VNC server: TigerVNC's X server shows the pictures of a trace, and a viewer of our own asks for
//! each, reads what comes, and checks it against the source.
//!
//! What the server does with pictures whether or not anyone watches is measured by showing them to nobody, and taken off.

mod client;
mod pixels;
mod server;
mod tight;
mod zlib;
mod zrle;

pub(crate) use server::{INSTALL, version};

use super::peers::VncEncoding;
use super::scoring::Scoring;
use super::step::{Encoded, Shown};
use super::trace::RawTrace;
use crate::cost::{cpu_time, peak_rss_bytes};
use crate::failure::Failure;
use client::Client;
use panecast::Limits;
use panecast::capture::Damage;
use panecast::damage::{DirtyRows, compare};
use panecast::frame::{FrameBuf, Region};
use server::Server;

/// Updates that one picture may take before the server is thought to have given up.
const MOST_UPDATES: usize = 64;

/// The trace's pictures with what changed in each, one by one.
struct Pictures {
    source: super::trace::RawPictures,
    picture: FrameBuf,
    before: FrameBuf,
    dirty: DirtyRows,
    count: u64,
}

impl Pictures {
    fn open(trace: &RawTrace) -> Result<Self, Failure> {
        let blank = FrameBuf::new(trace.size(), &Limits::default())?;
        let (picture, before) = (blank.clone(), blank);
        Ok(Self { source: trace.open()?, picture, before, dirty: DirtyRows::default(), count: 0 })
    }

    /// What changed, all of the first; `None` after the last.
    fn next(&mut self) -> Result<Option<Region>, Failure> {
        std::mem::swap(&mut self.picture, &mut self.before);
        if !self.source.next(&mut self.picture)? {
            return Ok(None);
        }
        self.count += 1;
        if self.count == 1 {
            return Ok(Some(Region::full(self.picture.size())));
        }
        compare(&self.before, &self.picture, &Damage::Unknown, &mut self.dirty)?;
        Ok(Some(self.dirty.region()))
    }
}

/// Shows the trace to a viewer that takes one encoding.
pub(crate) fn replay(trace: &RawTrace, encoding: VncEncoding) -> Result<(Encoded, Shown), Failure> {
    let showing_ns = showing_ns(trace)?;
    let folder = tempfile::tempdir()?;
    let mut server = Server::start(trace.size(), folder.path())?;
    let mut pictures = Pictures::open(trace)?;
    let mut scoring = Scoring::new(trace)?;
    let mut encoded = Encoded { latency_frames: Some(0), ..Encoded::default() };
    let mut shown = Shown::default();
    let mut client = None;
    while let Some(region) = pictures.next()? {
        let start_ns = server.cpu_ns()?;
        server.show(&pictures.picture, &region)?;
        let (mut bytes, mut read_ns) = (0, 0);
        let client = match &mut client {
            Some(client) => client,
            None => client.insert(Client::connect(server.connect()?, trace.size(), encoding)?),
        };
        let mut updates = 0;
        while !region.is_empty() && client.picture().pixels() != pictures.picture.pixels() {
            updates += 1;
            if updates > MOST_UPDATES {
                return Err(Failure::new(
                    "the VNC server left a picture unfinished",
                    "use another version of it",
                ));
            }
            let start = cpu_time();
            bytes += client.update(encoded.bytes.is_empty() && updates == 1)?;
            read_ns += u64::try_from((cpu_time() - start).as_nanos()).unwrap_or(u64::MAX);
        }
        let spent_ns = server.cpu_ns()?.saturating_sub(start_ns);
        // An unchanged picture is not shown again: nothing is asked of the server.
        let shown_ns = showing_ns.get(encoded.bytes.len()).copied().unwrap_or(0);
        encoded.cpu_ns.push(if region.is_empty() { 0 } else { spent_ns.saturating_sub(shown_ns) });
        encoded.bytes.push(bytes);
        shown.cpu_ns.push(read_ns);
        scoring.next(client.picture(), !region.is_empty())?;
    }
    encoded.cpu_total_ns = encoded.cpu_ns.iter().sum();
    encoded.peak_bytes = server.peak_bytes();
    shown.cpu_total_ns = shown.cpu_ns.iter().sum();
    shown.peak_bytes = peak_rss_bytes();
    shown.ends_exact = true;
    shown.scores = scoring.finish();
    Ok((encoded, shown))
}

/// What showing each picture costs the server while nobody watches, in nanoseconds.
fn showing_ns(trace: &RawTrace) -> Result<Vec<u64>, Failure> {
    let folder = tempfile::tempdir()?;
    let mut server = Server::start(trace.size(), folder.path())?;
    let mut pictures = Pictures::open(trace)?;
    let mut all = Vec::new();
    while let Some(region) = pictures.next()? {
        let start_ns = server.cpu_ns()?;
        server.show(&pictures.picture, &region)?;
        all.push(server.cpu_ns()?.saturating_sub(start_ns));
    }
    Ok(all)
}
