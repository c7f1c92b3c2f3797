//! `panecast`: shares a screen, watches one, records, encodes, decodes, inspects.

mod access;
mod bench;
mod camera;
mod codec_args;
mod consent;
mod cost;
mod decode;
mod demo;
mod desk;
mod dial;
mod doors;
mod encode;
mod ending;
mod failure;
mod inspect;
mod link;
mod links;
mod lookout;
mod mask_args;
mod output;
mod pass;
mod pictures;
mod progress;
mod pulse;
mod quality;
mod record;
mod recording;
mod reference;
mod relay;
mod share;
mod show;
mod sources;
mod status;
mod view;
mod visitor;
mod watcher;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Shares a screen or a window, exactly as it is, with agents in a browser
#[derive(Debug, Parser)]
#[command(
    name = "panecast",
    version,
    after_help = "\
Examples:
  panecast demo                                  everything on this machine: open the printed URL
  panecast sources                               what can be shared
  panecast share --relay http://127.0.0.1:7700 --source screen
  panecast show --relay http://127.0.0.1:7700 --source screen
  panecast pass --help                           one click: agents ask without a key
  panecast record --source pattern --seconds 5 -o pattern.pcast
  panecast inspect pattern.pcast
  panecast bench pattern.pcast --out figures      bytes, CPU, quality; also of other codecs with --peers

Exit codes: 0 success, 1 failure (the message says what to do next), 2 wrong usage, 3 the other side said no."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Sources(sources::Arguments),
    Demo(demo::Arguments),
    Relay(relay::Arguments),
    Share(share::Arguments),
    Show(show::Arguments),
    View(view::Arguments),
    Camera(camera::Arguments),
    Links(links::Arguments),
    Pass(pass::Arguments),
    Record(record::Arguments),
    Encode(encode::Arguments),
    Decode(decode::Arguments),
    Inspect(inspect::Arguments),
    Bench(bench::Arguments),
    #[command(hide = true)]
    BenchStep(bench::StepArguments),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Sources(a) => sources::run(&a),
        Command::Demo(a) => demo::run(a),
        Command::Relay(a) => relay::run(&a),
        Command::Share(a) => share::run(a),
        Command::Show(a) => show::run(a),
        Command::View(a) => view::run(a),
        Command::Camera(a) => camera::run(a),
        Command::Links(a) => links::run(&a),
        Command::Pass(a) => pass::run(a),
        Command::Record(a) => record::run(&a),
        Command::Encode(a) => encode::run(&a),
        Command::Decode(a) => decode::run(&a),
        Command::Inspect(a) => inspect::run(&a),
        Command::Bench(a) => bench::run(&a),
        Command::BenchStep(a) => bench::run_step(&a),
    };
    result.map_or_else(|failure| failure.report(), |()| ExitCode::SUCCESS)
}
