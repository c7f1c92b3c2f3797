//! How pictures are coded: the arguments that `share`, `demo`, `record` and `encode` have in common.

use crate::failure::Failure;
use panecast::Limits;
use panecast::codec::av1::Av1Choice;
use panecast::codec::{DEFAULT_QUALITY, EncoderConfig, Mode, Refine};
use panecast::pipeline::PipelineConfig;

/// How pictures are coded.
#[derive(Clone, Copy, Debug, clap::Args)]
#[command(next_help_heading = "Coding")]
pub(crate) struct CodecArgs {
    /// What may be lost [default: auto where viewers watch, lossless for files]
    #[arg(long, value_enum)]
    mode: Option<ModeArg>,
    /// Quality of films and photographs, from 1 to 100
    #[arg(long, value_name = "N", default_value_t = DEFAULT_QUALITY, value_parser = clap::value_parser!(u8).range(1..=100))]
    quality: u8,
    /// Most bits a second for films and refinement, for example 500k or 2.5M [default: what the lines take; 10M for encode]
    #[arg(long, value_name = "RATE", value_parser = parse_bitrate)]
    bitrate: Option<u64>,
    /// When films and photographs that rest become exact
    #[arg(long, value_enum, default_value_t = RefineArg::Idle)]
    refine: RefineArg,
    /// AV1 encoder: rav1e, aom or off [default: the best that is built in]
    #[arg(long, value_name = "ENCODER")]
    av1: Option<Av1Choice>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum ModeArg {
    /// Nothing: every picture is exact
    Lossless,
    /// Films and photographs lose something at first; all else is exact
    Auto,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum RefineArg {
    /// Never
    Off,
    /// Once nothing moves there
    Idle,
}

impl CodecArgs {
    /// The encoder's part of it; `usual` where no mode was asked for.
    pub(crate) fn encoder(&self, usual: Mode) -> Result<EncoderConfig, Failure> {
        let av1 = self.av1.unwrap_or(Av1Choice::best());
        if !av1.available() {
            return Err(Failure::new(
                format!("the AV1 encoder {av1} is not built in"),
                format!("choose --av1 {}, or build with --features {av1}", Av1Choice::best()),
            ));
        }
        let mode = match self.mode {
            Some(ModeArg::Lossless) => Mode::Lossless,
            Some(ModeArg::Auto) => Mode::Auto,
            None => usual,
        };
        let refine = match self.refine {
            RefineArg::Off => Refine::Off,
            RefineArg::Idle => Refine::Idle,
        };
        Ok(EncoderConfig { limits: Limits::default(), mode, quality: self.quality, av1, refine })
    }

    /// The pipeline's configuration with at most `fps` pictures a second.
    pub(crate) fn pipeline(&self, usual: Mode, fps: u32) -> Result<PipelineConfig, Failure> {
        Ok(PipelineConfig { fps, encoder: self.encoder(usual)?, bitrate: self.bitrate })
    }

    /// Most bits a second, if a number was asked for.
    pub(crate) fn bitrate(&self) -> Option<u64> {
        self.bitrate
    }
}

/// The word for a mode on the command line.
pub(crate) fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Lossless => "lossless",
        Mode::Auto => "auto",
    }
}

fn parse_bitrate(s: &str) -> Result<u64, String> {
    let (digits, unit) = match s.strip_suffix(['k', 'K']) {
        Some(digits) => (digits, 1e3),
        None => s.strip_suffix(['m', 'M']).map_or((s, 1.0), |digits| (digits, 1e6)),
    };
    match digits.parse::<f64>() {
        // Less than a packet's head a second shows nothing, more than that no line takes.
        Ok(n) if (1e3..=1e11).contains(&(n * unit)) => Ok((n * unit) as u64),
        _ => Err(format!("`{s}` is not a bitrate from 1k to 100000M, for example 500k or 2.5M")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bitrates_are_read_with_their_units() {
        for (text, bits) in [("500k", 500_000), ("2.5M", 2_500_000), ("10m", 10_000_000), ("64000", 64_000)] {
            assert_eq!(parse_bitrate(text), Ok(bits), "{text}");
        }
        for text in ["", "k", "0", "-1k", "5G", "1e99", "nan", "NaNk", "infM", "10"] {
            assert!(parse_bitrate(text).is_err(), "{text}");
        }
    }
}
