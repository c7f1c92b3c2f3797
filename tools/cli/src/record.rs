//! `panecast record`.

use crate::codec_args::CodecArgs;
use crate::failure::Failure;
use crate::mask_args::MaskArgs;
use crate::progress;
use crate::recording::Recording;
use panecast::capture::{self, SourceSpec};
use panecast::codec::Mode;
use panecast::frame::Timestamp;
use panecast::pipeline::{Output, Pipeline, ViewerId};
use panecast::session::{Consent, Decision};
use panecast_relay::command::stop_signal;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// The file is the only viewer.
const FILE: ViewerId = ViewerId(1);

/// Longest recording that is taken seriously: ten days.
const MOST_SECONDS: f64 = 864_000.0;

/// Record a source into a file on this machine
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  panecast record --source pattern --seconds 5 -o pattern.pcast
  panecast record --source screen:0 --seconds 60 --fps 15 -o screen.pcast
  panecast record --source screen --seconds 60 --mode auto --bitrate 4M -o screen.pcast
  panecast record --source screen --seconds 9 --mask-window title:mail -o screen.pcast
  panecast record --source pattern --seconds 2 -o - | panecast inspect -

Nothing leaves this machine, so nobody is asked. Ctrl-C ends the recording early; the file is whole.
Exit codes: 0 success, 1 failure, 2 wrong usage.")]
pub(crate) struct Arguments {
    /// What to record
    #[arg(long, value_name = "S")]
    source: SourceSpec,
    /// How long
    #[arg(long, value_name = "N", value_parser = parse_seconds)]
    seconds: Duration,
    /// The file to write; `-` is standard output
    #[arg(short, long, value_name = "F.pcast")]
    output: PathBuf,
    /// Most pictures a second
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=240))]
    fps: u32,
    #[command(flatten)]
    codec: CodecArgs,
    #[command(flatten)]
    masks: MaskArgs,
}

fn parse_seconds(s: &str) -> Result<Duration, String> {
    match s.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds <= MOST_SECONDS => Ok(Duration::from_secs_f64(seconds)),
        _ => Err(format!("`{s}` is not a number of seconds above 0 and up to {MOST_SECONDS}")),
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let masks = arguments.masks.masks(&arguments.source)?;
    let grant =
        Consent::ask(arguments.source.purpose(), arguments.source.to_string()).answer(Decision::Allow)?;
    let source = arguments.source.clone();
    let config = arguments.codec.pipeline(Mode::Lossless, arguments.fps)?;
    let (sink, mut outputs) = mpsc::channel(8);
    let pipeline = Pipeline::start(
        grant,
        move |grant| capture::open(&source, grant),
        config,
        move |output| {
            // Once the receiver is gone the recording is over.
            let _ = sink.blocking_send(output);
        },
    )?;
    let mut recording = Recording::create(&arguments.output, arguments.fps)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let bar = progress::bar(Some(arguments.seconds.as_secs().max(1)), "s");
    pipeline.set_masks(masks);
    pipeline.viewer_joined(FILE);
    let begun = Instant::now();
    let recorded = runtime.block_on(async {
        let stop = stop_signal()?;
        let time = tokio::time::sleep(arguments.seconds);
        tokio::pin!(stop, time);
        loop {
            let output = tokio::select! {
                () = &mut stop => return Ok(()),
                () = &mut time => return Ok(()),
                output = outputs.recv() => output,
            };
            match output {
                Some(Output::Packet { sequence, bytes, .. }) => {
                    recording.write(&bytes)?;
                    if let Some(sequence) = sequence {
                        recording.picture(begun.elapsed().into());
                        pipeline.ack(FILE, sequence, Duration::ZERO);
                    }
                    bar.set_position(begun.elapsed().as_secs());
                }
                Some(Output::State(_)) => {}
                Some(Output::Ended(how)) => return Ok(how?),
                None => return Ok(()),
            }
        }
    });
    drop(outputs);
    pipeline.stop();
    bar.finish_and_clear();
    let (bytes, length) = (recording.bytes(), begun.elapsed());
    // The end record is written even after a failure: what was captured can be played.
    let frames = recording.finish(Timestamp::from(length))?;
    recorded.map(|()| {
        eprintln!("{frames} pictures of {:.1} s at {}/s, {bytes} bytes", length.as_secs_f64(), arguments.fps);
    })
}
