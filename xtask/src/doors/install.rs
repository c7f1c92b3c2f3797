//! What a C or C++ project installs: shared and static library, header, pkg-config file, CMake package.
//!
//! Both libraries come from one static library that cargo builds. The shared one is linked here, so that it has a soname
//! and exports nothing but the doors; in the static one everything else is made local, so that it may stand beside
//! another libzstd or dav1d.

use crate::Result;
use crate::process::{capture, cargo, root, run, target_dir};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What may be exported, by the names' beginnings: the C ABI, and what UniFFI generates.
const EXPORTED: [&str; 3] = ["panecast_", "uniffi_panecast_", "ffi_panecast_"];
/// The functions of the C ABI, one a line.
const SYMBOLS: &str = "include/panecast.symbols";
/// What Rust's standard library links on Linux.
const SYSTEM: [&str; 6] = ["-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl"];
/// Libraries that must not be needed: an app would have to ship them.
const UNWANTED: [&str; 4] = ["libpipewire", "libX11", "libclang", "libxcb"];

/// An installed library.
pub(crate) struct Installed {
    pub(crate) prefix: PathBuf,
    pub(crate) shared: PathBuf,
}

/// How the library is compiled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Build {
    /// As tests are.
    Quick,
    /// Optimised as a whole.
    Dist,
    /// The same without what Kotlin and Swift call.
    DistForC,
}

impl Build {
    fn features(self) -> &'static str {
        if self == Self::DistForC { "capi" } else { "capi,uniffi" }
    }

    /// Where what is made on the way lies, under the folder for that.
    fn folder(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Dist => "dist",
            Self::DistForC => "dist-for-c",
        }
    }
}

/// `cargo xtask dist`: builds, installs under `out` and reports.
pub(crate) fn dist(out: Option<PathBuf>, without_uniffi: bool) -> Result<()> {
    let build = if without_uniffi { Build::DistForC } else { Build::Dist };
    let prefix = out.unwrap_or_else(|| target_dir().join(build.folder()));
    let installed = install(&prefix, build)?;
    println!("installed under {}", prefix.display());
    for file in [installed.shared, prefix.join("lib/libpanecast.a")] {
        let bytes = std::fs::metadata(&file).map_err(|e| format!("{}: {e}", file.display()))?.len();
        println!("  {:24} {:>8} kB", file_name(&file), bytes / 1000);
    }
    Ok(())
}

/// Builds the library and installs it under `prefix`, then looks at what it exports and needs.
pub(crate) fn install(prefix: &Path, build: Build) -> Result<Installed> {
    let archive = compile(build)?;
    let work = target_dir().join("doors-work").join(build.folder());
    for dir in [work.as_path(), &prefix.join("include"), &prefix.join("lib/pkgconfig")] {
        std::fs::create_dir_all(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    }
    let names = defined(&archive)?;
    let names: Vec<&str> =
        names.iter().map(String::as_str).filter(|n| EXPORTED.iter().any(|e| n.starts_with(e))).collect();
    compare_symbols(&names)?;
    let version = version()?;
    let major = version.split('.').next().unwrap_or("0");
    let lib = prefix.join("lib");
    let shared = lib.join(format!("libpanecast.so.{version}"));
    link_shared(&archive, &work, &names, &shared, &format!("libpanecast.so.{major}"))?;
    make_static(&archive, &work, &names, &lib.join("libpanecast.a"))?;
    for link in [format!("libpanecast.so.{major}"), "libpanecast.so".to_owned()] {
        let link = lib.join(link);
        capture(Command::new("ln").args(["-sf", &file_name(&shared)]).arg(&link))?;
    }
    let header = root().join("include/panecast.h");
    std::fs::copy(&header, prefix.join("include/panecast.h"))
        .map_err(|e| format!("{}: {e}", header.display()))?;
    write(&lib.join("pkgconfig/panecast.pc"), &pkg_config(&version))?;
    let cmake = lib.join("cmake/panecast");
    std::fs::create_dir_all(&cmake).map_err(|e| format!("{}: {e}", cmake.display()))?;
    write(&cmake.join("panecastConfig.cmake"), &cmake_config(&version))?;
    write(&cmake.join("panecastConfigVersion.cmake"), &cmake_version(&version))?;
    check_shared(&shared, &names)?;
    Ok(Installed { prefix: prefix.to_owned(), shared })
}

/// The static library that cargo builds, as it is.
pub(super) fn compile(build: Build) -> Result<PathBuf> {
    let mut command = cargo();
    command.args(["rustc", "--package", "panecast", "--lib", "--crate-type", "staticlib"]);
    command.args(["--features", build.features()]);
    let folder = match build {
        Build::Quick => "debug",
        Build::Dist | Build::DistForC => {
            command.args(["--profile", "doors"]);
            "doors"
        }
    };
    run(&mut command)?;
    Ok(target_dir().join(folder).join("libpanecast.a"))
}

/// Names of functions and data that others could link to.
fn defined(file: &Path) -> Result<Vec<String>> {
    let dynamic = file.extension().is_none_or(|end| end != "a" && end != "o");
    let mut nm = Command::new("nm");
    nm.args(["--defined-only", "--extern-only", "--quiet", "--format=posix"]);
    if dynamic {
        nm.arg("--dynamic");
    }
    let text = capture(nm.arg(file))?;
    let mut names: Vec<String> =
        text.lines().filter_map(|line| line.split_once(' ')).map(|(name, _)| name.to_owned()).collect();
    names.sort();
    names.dedup();
    Ok(names)
}

fn compare_symbols(names: &[&str]) -> Result<()> {
    let committed = std::fs::read_to_string(root().join(SYMBOLS)).unwrap_or_default();
    let committed: Vec<&str> = committed.lines().collect();
    let ours: Vec<&str> = names.iter().copied().filter(|name| name.starts_with("panecast_")).collect();
    if committed == ours {
        return Ok(());
    }
    let gone: Vec<&&str> = committed.iter().filter(|name| !ours.contains(name)).collect();
    let new: Vec<&&str> = ours.iter().filter(|name| !committed.contains(name)).collect();
    Err(format!("the library has other functions than {SYMBOLS} says: {gone:?} are gone, {new:?} are new"))
}

fn link_shared(archive: &Path, work: &Path, names: &[&str], to: &Path, soname: &str) -> Result<()> {
    let (script, wanted) = (work.join("exports.map"), work.join("wanted"));
    let exported: Vec<String> = EXPORTED.iter().map(|beginning| format!("{beginning}*;")).collect();
    write(&script, &format!("{{ global: {} local: *; }};\n", exported.join(" ")))?;
    let wanted_text: Vec<String> = names.iter().map(|name| format!("-Wl,--undefined={name}\n")).collect();
    write(&wanted, &wanted_text.concat())?;
    let mut cc = Command::new("cc");
    cc.arg("-shared").arg("-o").arg(to).arg(format!("@{}", wanted.display())).arg(archive);
    cc.arg(format!("-Wl,-soname,{soname}")).arg(format!("-Wl,--version-script={}", script.display()));
    cc.args(["-Wl,--gc-sections", "-Wl,--no-undefined", "-Wl,-O1", "-Wl,--as-needed", "-Wl,-z,relro,-z,now"]);
    cc.args(SYSTEM);
    capture(&mut cc)?;
    capture(Command::new("strip").arg("--strip-unneeded").arg(to)).map(drop)
}

fn make_static(archive: &Path, work: &Path, names: &[&str], to: &Path) -> Result<()> {
    let (object, keep) = (work.join("panecast.o"), work.join("keep"));
    write(&keep, &(names.join("\n") + "\n"))?;
    let mut ld = Command::new("ld");
    ld.args(["-r", "--gc-sections", "-o"]).arg(&object);
    ld.args(names.iter().map(|name| format!("--undefined={name}"))).arg(archive);
    capture(&mut ld)?;
    let mut local = Command::new("objcopy");
    local.arg(format!("--keep-global-symbols={}", keep.display())).arg("--strip-debug");
    // Bitcode of the standard library, which is no longer any once several are put together.
    local.args(["--remove-section=.llvmbc", "--remove-section=.llvmcmd"]).arg(&object);
    capture(&mut local)?;
    // `ar` adds to what is there.
    let _ = std::fs::remove_file(to);
    capture(Command::new("ar").arg("crs").arg(to).arg(&object)).map(drop)
}

fn check_shared(shared: &Path, names: &[&str]) -> Result<()> {
    let exported = defined(shared)?;
    if exported.iter().map(String::as_str).ne(names.iter().copied()) {
        return Err(format!("{} exports {exported:?}", file_name(shared)));
    }
    let needed = capture(Command::new("ldd").arg(shared))?;
    match UNWANTED.iter().find(|unwanted| needed.contains(**unwanted)) {
        Some(unwanted) => Err(format!("{} needs {unwanted}:\n{needed}", file_name(shared))),
        None => Ok(()),
    }
}

fn version() -> Result<String> {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).map_err(|e| e.to_string())?;
    let line = manifest.lines().find_map(|line| line.strip_prefix("version = \""));
    let version = line.and_then(|rest| rest.split('"').next());
    version.map(str::to_owned).ok_or_else(|| "Cargo.toml has no version".to_owned())
}

fn pkg_config(version: &str) -> String {
    format!(
        "prefix=${{pcfiledir}}/../..\nincludedir=${{prefix}}/include\nlibdir=${{prefix}}/lib\n\n\
         Name: panecast\nDescription: Captures a screen, encodes what changed, asks for consent\n\
         Version: {version}\nLibs: -L${{libdir}} -lpanecast\nLibs.private: {}\nCflags: -I${{includedir}}\n",
        SYSTEM.join(" ")
    )
}

fn cmake_config(version: &str) -> String {
    let major = version.split('.').next().unwrap_or("0");
    format!(
        r#"get_filename_component(_panecast_prefix "${{CMAKE_CURRENT_LIST_DIR}}/../../.." ABSOLUTE)

if(NOT TARGET panecast::panecast)
  add_library(panecast::panecast SHARED IMPORTED)
  set_target_properties(panecast::panecast PROPERTIES
    IMPORTED_LOCATION "${{_panecast_prefix}}/lib/libpanecast.so.{version}"
    IMPORTED_SONAME "libpanecast.so.{major}"
    INTERFACE_INCLUDE_DIRECTORIES "${{_panecast_prefix}}/include")
endif()

if(NOT TARGET panecast::panecast_static)
  add_library(panecast::panecast_static STATIC IMPORTED)
  set_target_properties(panecast::panecast_static PROPERTIES
    IMPORTED_LOCATION "${{_panecast_prefix}}/lib/libpanecast.a"
    INTERFACE_INCLUDE_DIRECTORIES "${{_panecast_prefix}}/include"
    INTERFACE_LINK_LIBRARIES "{}")
endif()

unset(_panecast_prefix)
"#,
        SYSTEM.map(|library| library.trim_start_matches("-l")).join(";")
    )
}

/// A version fits who asks for the same major one, or before 1.0 the same minor one, that is not newer.
fn cmake_version(version: &str) -> String {
    format!(
        r#"set(PACKAGE_VERSION "{version}")
set(PACKAGE_VERSION_COMPATIBLE FALSE)
set(PACKAGE_VERSION_EXACT FALSE)
if(PACKAGE_FIND_VERSION VERSION_EQUAL PACKAGE_VERSION)
  set(PACKAGE_VERSION_EXACT TRUE)
  set(PACKAGE_VERSION_COMPATIBLE TRUE)
elseif(PACKAGE_FIND_VERSION VERSION_LESS PACKAGE_VERSION)
  string(REGEX MATCH "^(0\\.[0-9]+|[1-9][0-9]*)" _panecast_has "${{PACKAGE_VERSION}}")
  string(REGEX MATCH "^(0\\.[0-9]+|[1-9][0-9]*)" _panecast_wants "${{PACKAGE_FIND_VERSION}}")
  if(_panecast_has STREQUAL _panecast_wants)
    set(PACKAGE_VERSION_COMPATIBLE TRUE)
  endif()
endif()
"#
    )
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).map_err(|e| format!("{}: {e}", path.display()))
}
