//! The C door: the installed library, used as a C or C++ project uses it.

use super::c_session;
use super::install::{Build, Installed, install};
use crate::Result;
use crate::process::{capture, root, run_counting, target_dir};
use crate::steps::Tally;
use std::path::{Path, PathBuf};
use std::process::Command;

const WARNINGS: [&str; 5] = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-g"];
const C99: [&str; 2] = ["-std=c99", "-D_POSIX_C_SOURCE=200809L"];
/// Calls of each thread, and seeds, of the random calls.
const CHAOS: [(&str, &str); 3] = [("1", "4000"), ("2", "4000"), ("3", "4000")];
/// Under valgrind a tenth of it takes as long.
const CHAOS_SLOWLY: (&str, &str) = ("4", "400");

/// Every check of the C door.
pub(crate) fn test(tally: &mut Tally) -> Result<()> {
    let installed = install(&target_dir().join("doors-test"), Build::Quick)?;
    let out = target_dir().join("doors-test/bin");
    std::fs::create_dir_all(&out).map_err(|e| format!("{}: {e}", out.display()))?;
    let door = Door { installed, out };
    door.compilers()?;
    door.programs(tally)?;
    door.examples(tally)?;
    door.cmake(tally)
}

struct Door {
    installed: Installed,
    out: PathBuf,
}

/// A program, and the Debian libraries that it needs besides.
const TESTS: [(&str, &[&str]); 3] = [("basics", &[]), ("chaos", &[]), ("scenarios", &["libcjson"])];
const EXAMPLES: [(&str, &[&str]); 5] = [
    ("share_screen", &[]),
    ("push_frames", &[]),
    ("push_cost", &[]),
    ("decode_png", &["libpng"]),
    ("session", &["libwebsockets"]),
];

impl Door {
    fn pkg_config(&self, words: &[&str]) -> Result<Vec<String>> {
        let mut command = Command::new("pkg-config");
        command.args(words).env("PKG_CONFIG_PATH", self.installed.prefix.join("lib/pkgconfig"));
        Ok(capture(&mut command)?.split_whitespace().map(str::to_owned).collect())
    }

    /// Two compilers and two languages accept all of it without a warning.
    fn compilers(&self) -> Result<()> {
        for (folder, programs) in [("tests/c", &TESTS[..]), ("examples/c", &EXAMPLES[..])] {
            for (name, libraries) in programs {
                let mut packages = vec!["--cflags", "panecast"];
                packages.extend(*libraries);
                let flags = self.pkg_config(&packages)?;
                let source = root().join(folder).join(format!("{name}.c"));
                for compiler in ["gcc", "clang"] {
                    let mut check = Command::new(compiler);
                    check.args(C99).args(WARNINGS).arg("-fsyntax-only").args(&flags).arg(&source);
                    capture(&mut check)?;
                }
                // Examples are C; the tests are C++ as well.
                for compiler in ["g++", "clang++"].iter().filter(|_| folder == "tests/c") {
                    let mut check = Command::new(compiler);
                    check.args(["-x", "c++", "-std=c++11"]).args(WARNINGS).arg("-fsyntax-only");
                    capture(check.args(&flags).arg(&source))?;
                }
            }
        }
        Ok(())
    }

    /// Builds a program by pkg-config, against the shared library or, with `whole`, the static one.
    fn build(&self, source: &str, libraries: &[&str], flags: &[&str], whole: bool) -> Result<PathBuf> {
        let name = Path::new(source).file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let kind = if whole { "static" } else { "shared" };
        let to = self.out.join(format!("{name}-{kind}{}", flags.concat().replace(['=', ','], "")));
        let mut cc = Command::new("gcc");
        cc.args(C99).args(WARNINGS).args(flags).arg("-o").arg(&to).arg(root().join(source));
        if whole {
            cc.args(self.pkg_config(&["--cflags", "panecast"])?);
            cc.arg(self.installed.prefix.join("lib/libpanecast.a"));
            let mut all = self.pkg_config(&["--static", "--libs", "panecast"])?;
            all.retain(|word| word != "-lpanecast");
            cc.args(all);
        } else {
            cc.args(self.pkg_config(&["--cflags", "--libs", "panecast"])?);
            cc.arg(format!("-Wl,-rpath,{}", self.installed.prefix.join("lib").display()));
        }
        if !libraries.is_empty() {
            let mut words = vec!["--cflags", "--libs"];
            words.extend(libraries);
            cc.args(self.pkg_config(&words)?);
        }
        capture(cc.arg("-lpthread"))?;
        Ok(to)
    }

    fn programs(&self, tally: &mut Tally) -> Result<()> {
        let basics = self.build("tests/c/basics.c", &[], &[], false)?;
        let chaos = self.build("tests/c/chaos.c", &[], &[], false)?;
        let scenarios = self.build("tests/c/scenarios.c", &["libcjson"], &[], false)?;
        let files = scenario_files()?;
        run_counting(&mut Command::new(&basics), tally)?;
        run_counting(&mut Command::new(self.build("tests/c/basics.c", &[], &[], true)?), tally)?;
        run_counting(Command::new(&scenarios).args(&files), tally)?;
        for (seed, calls) in CHAOS {
            passes(tally, Command::new(&chaos).args([seed, calls]))?;
        }
        let (seed, calls) = CHAOS_SLOWLY;
        passes(tally, &mut valgrind(&basics))?;
        passes(tally, valgrind(&scenarios).args(&files))?;
        passes(tally, valgrind(&chaos).args([seed, calls]))?;
        let asan = ["-fsanitize=address,undefined", "-fno-sanitize-recover"];
        passes(tally, &mut Command::new(self.build("tests/c/basics.c", &[], &asan, false)?))?;
        let chaos = self.build("tests/c/chaos.c", &[], &asan, false)?;
        passes(tally, Command::new(chaos).args(["5", "4000"]))?;
        let scenarios = self.build("tests/c/scenarios.c", &["libcjson"], &asan, false)?;
        passes(tally, Command::new(scenarios).args(&files))
    }

    fn examples(&self, tally: &mut Tally) -> Result<()> {
        let push = self.build("examples/c/push_frames.c", &[], &[], false)?;
        passes(tally, &mut Command::new(push))?;
        let share = self.build("examples/c/share_screen.c", &[], &[], false)?;
        let decode = self.build("examples/c/decode_png.c", &["libpng"], &[], false)?;
        let (recording, png) = (self.out.join("shared.pcast"), self.out.join("shared.png"));
        let file = std::fs::File::create(&recording).map_err(|e| format!("{}: {e}", recording.display()))?;
        let status = Command::new(share).args(["pattern:320x200@60", "5"]).stdout(file).status();
        if !status.is_ok_and(|status| status.success()) {
            return Err("share_screen failed".to_owned());
        }
        let size = capture(Command::new(decode).arg(&recording).arg(&png))?;
        if size.trim() != "320x200" || !std::fs::read(&png).is_ok_and(|png| png.starts_with(b"\x89PNG")) {
            return Err(format!("decode_png wrote a picture of {size}"));
        }
        let session = self.build("examples/c/session.c", &["libwebsockets"], &[], false)?;
        c_session::test(&session, |program| Command::new(program))?;
        c_session::test_slowly(&session, valgrind)?;
        tally.passed += 3;
        Ok(())
    }

    /// A project that finds the package, and one that asks for a version which is not there.
    fn cmake(&self, tally: &mut Tally) -> Result<()> {
        let work = self.out.join("cmake");
        let prefix = format!("-DCMAKE_PREFIX_PATH={}", self.installed.prefix.display());
        let configure = |wanted: &str| {
            // What an earlier run found is not to be believed.
            let _ = std::fs::remove_dir_all(&work);
            let mut cmake = Command::new("cmake");
            cmake.arg("-S").arg(root().join("tests/c/consumer")).arg("-B").arg(&work).arg(&prefix);
            cmake.arg(format!("-DWANTED={wanted}"));
            // This workspace's own cross-compiling rules are not a consumer's.
            capture(cmake.env_remove("CMAKE_TOOLCHAIN_FILE"))
        };
        if configure("9.0").is_ok() {
            return Err("CMake found panecast 9.0".to_owned());
        }
        configure("0.1")?;
        capture(Command::new("cmake").arg("--build").arg(&work).env_remove("CMAKE_TOOLCHAIN_FILE"))?;
        run_counting(&mut Command::new(work.join("with_shared")), tally)?;
        run_counting(&mut Command::new(work.join("with_static")), tally)
    }
}

fn passes(tally: &mut Tally, command: &mut Command) -> Result<()> {
    print!("{}", capture(command)?);
    tally.passed += 1;
    Ok(())
}

fn valgrind(program: &Path) -> Command {
    let mut command = Command::new("valgrind");
    command.args(["--quiet", "--error-exitcode=9", "--leak-check=full"]);
    command.args(["--show-leak-kinds=definite,indirect", "--errors-for-leak-kinds=definite,indirect"]);
    command.arg(program);
    command
}

fn scenario_files() -> Result<Vec<PathBuf>> {
    let folder = root().join("tests/vectors/scenarios");
    let entries = std::fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|file| file.extension().is_some_and(|end| end == "json"));
    files.sort();
    Ok(files)
}
