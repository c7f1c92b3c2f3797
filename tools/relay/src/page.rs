//! What agents' browsers are served: a folder's files, held in memory.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

/// The files that were there when the relay was built, as (path, bytes).
static EMBEDDED: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/page.rs"));

/// Where a built page is in a checkout of the project.
const IN_CHECKOUT: &str = "bindings/web/dist";

/// Where a page is beside an installed executable.
const BESIDE_EXECUTABLE: &str = "page";

/// Caps against a folder that is no page at all.
const MOST_FILES: usize = 1000;
const MOST_BYTES: u64 = 64 << 20;

/// Says what to do where no page was built.
const MISSING: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<title>panecast relay</title>
<h1>The relay runs, but it has no agent page</h1>
<p>Build the page with <code>cargo xtask viewer</code> and start the relay again, or start it with
<code>--page DIR</code>. A native viewer works without it:
<code>panecast view --relay URL --key KEY</code>.</p>
</html>
";

/// The agent page.
#[derive(Clone, Debug)]
pub struct Page {
    files: BTreeMap<String, Cow<'static, [u8]>>,
    origin: String,
}

impl Page {
    /// The files of the folder `dir` and its subfolders; `index.html` must be among them.
    ///
    /// # Errors
    /// Whatever reading gives, and [`io::ErrorKind::InvalidInput`] if there is no `index.html` or far too much
    /// for a page.
    pub fn from_dir(dir: &Path) -> io::Result<Self> {
        let mut page = Self { files: BTreeMap::new(), origin: dir.display().to_string() };
        let mut bytes = 0;
        page.add_dir(dir, "", &mut bytes)?;
        if page.files.contains_key("index.html") {
            Ok(page)
        } else {
            Err(io::Error::new(io::ErrorKind::InvalidInput, "there is no index.html in it"))
        }
    }

    fn add_dir(&mut self, dir: &Path, prefix: &str, bytes: &mut u64) -> io::Result<()> {
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let (path, meta) = (format!("{prefix}{name}"), fs::metadata(entry.path())?);
            if meta.is_dir() {
                // A loop of links ends at the system's limit for links in a path, or here.
                if path.matches('/').count() < 8 {
                    self.add_dir(&entry.path(), &format!("{path}/"), bytes)?;
                }
                continue;
            }
            *bytes += meta.len();
            if self.files.len() >= MOST_FILES || *bytes > MOST_BYTES {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    "it has far too much in it for a page",
                ));
            }
            self.files.insert(path, fs::read(entry.path())?.into());
        }
        Ok(())
    }

    /// The page of this build: the one inside the program, or beside it, or in the checkout one stands in, or
    /// a page that says that there is none.
    #[must_use]
    pub fn find() -> Self {
        if EMBEDDED.iter().any(|(path, _)| *path == "index.html") {
            let files = EMBEDDED.iter().map(|(p, b)| ((*p).to_owned(), Cow::Borrowed(*b))).collect();
            return Self { files, origin: "built in".into() };
        }
        let beside = std::env::current_exe().ok();
        let beside = beside.as_deref().and_then(Path::parent).map(|d| d.join(BESIDE_EXECUTABLE));
        beside
            .iter()
            .map(std::path::PathBuf::as_path)
            .chain([Path::new(IN_CHECKOUT)])
            .find_map(|dir| Self::from_dir(dir).ok())
            .unwrap_or_else(Self::missing)
    }

    fn missing() -> Self {
        let files = BTreeMap::from([("index.html".to_owned(), Cow::Borrowed(MISSING.as_bytes()))]);
        Self { files, origin: "missing: run `cargo xtask viewer`".into() }
    }

    /// Where it comes from, for people.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The file at the path of a URL, and its type.
    pub(crate) fn file(&self, path: &str) -> Option<(Cow<'static, [u8]>, &'static str)> {
        let path = match path.trim_start_matches('/') {
            "" => "index.html".to_owned(),
            // `/show` is a page, too.
            path if !path.contains('.') => format!("{path}.html"),
            path => path.to_owned(),
        };
        Some((self.files.get(&path)?.clone(), mime_of(&path)))
    }
}

/// The types that a page is made of.
fn mime_of(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, ext)| ext) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_a_page_if_it_has_an_index() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Page::from_dir(dir.path()).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        fs::write(dir.path().join("index.html"), "<p>").unwrap();
        fs::write(dir.path().join("show.html"), "<b>").unwrap();
        fs::create_dir(dir.path().join("sub")).unwrap();
        fs::write(dir.path().join("sub/decoder.wasm"), "w").unwrap();
        let page = Page::from_dir(dir.path()).unwrap();
        assert_eq!(page.file("/").unwrap().0.as_ref(), b"<p>");
        assert_eq!(page.file("/show").unwrap(), (b"<b>".as_slice().into(), "text/html; charset=utf-8"));
        assert_eq!(page.file("/sub/decoder.wasm").unwrap(), (b"w".as_slice().into(), "application/wasm"));
        for absent in ["/sub", "/../index.html", "/sub/../index.html", "/%2e%2e/x", "/other"] {
            assert!(page.file(absent).is_none(), "{absent}");
        }
    }

    #[test]
    fn without_a_page_the_visitor_is_told_how_to_get_one() {
        let page = Page::missing();
        let (bytes, mime) = page.file("/").unwrap();
        assert!(String::from_utf8_lossy(&bytes).contains("cargo xtask viewer"));
        assert_eq!(mime, "text/html; charset=utf-8");
    }
}
