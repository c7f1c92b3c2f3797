//! Writes what UniFFI generates from a built library: `panecast-bindings LIBRARY CONFIG LANGUAGE FOLDER`.
//!
//! A program of its own, so that the chores need none of the generator's dependencies; `cargo xtask bindings` calls it.

use camino::Utf8PathBuf;
use std::process::ExitCode;
use uniffi_bindgen::bindings::{GenerateOptions, TargetLanguage, generate};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), String> {
    let [library, config, language, folder] = arguments else {
        return Err("write panecast-bindings LIBRARY CONFIG LANGUAGE FOLDER".into());
    };
    let language = match language.as_str() {
        "kotlin" => TargetLanguage::Kotlin,
        "swift" => TargetLanguage::Swift,
        other => return Err(format!("`{other}` is not kotlin or swift")),
    };
    let options = GenerateOptions {
        languages: vec![language],
        source: Utf8PathBuf::from(library),
        out_dir: Utf8PathBuf::from(folder),
        config_override: Some(Utf8PathBuf::from(config)),
        ..GenerateOptions::default()
    };
    generate(options).map_err(|error| format!("{error:#}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_arguments_are_told() {
        let told = |arguments: &[&str]| {
            let arguments: Vec<String> = arguments.iter().map(|a| (*a).to_owned()).collect();
            run(&arguments).expect_err("refused")
        };
        assert!(told(&[]).contains("LIBRARY CONFIG"));
        assert!(told(&["a", "b", "cobol", "d"]).contains("cobol"));
        assert!(!told(&["no-such-library.so", "no-such.toml", "kotlin", "nowhere"]).is_empty());
    }
}
