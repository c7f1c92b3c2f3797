//! Sources by name.

use panecast::ErrorKind;
use panecast::capture::{SourceSpec, open};
use panecast::frame::Size;
use panecast::session::{Consent, Decision, Purpose};

#[test]
fn names_are_read_and_written() {
    for (text, spec, shown) in [
        ("screen", SourceSpec::Screen(None), "screen"),
        ("screen:0", SourceSpec::Screen(Some(0)), "screen:0"),
        ("screen:12", SourceSpec::Screen(Some(12)), "screen:12"),
        ("window:0x1200003", SourceSpec::Window(0x120_0003), "window:0x1200003"),
        ("window:0X1f", SourceSpec::Window(31), "window:0x1f"),
        ("window:31", SourceSpec::Window(31), "window:0x1f"),
        ("pattern", SourceSpec::Pattern(Size::new(1280, 720), 30), "pattern:1280x720@30"),
        ("pattern:64x48", SourceSpec::Pattern(Size::new(64, 48), 30), "pattern:64x48@30"),
        ("pattern:64x48@5", SourceSpec::Pattern(Size::new(64, 48), 5), "pattern:64x48@5"),
        ("file:a b/c:d.y4m", SourceSpec::File("a b/c:d.y4m".into()), "file:a b/c:d.y4m"),
    ] {
        let parsed: SourceSpec = text.parse().unwrap();
        assert_eq!(parsed, spec, "{text}");
        assert_eq!(parsed.to_string(), shown);
        assert_eq!(shown.parse::<SourceSpec>().unwrap(), spec);
    }
}

#[test]
fn wrong_names_say_what_to_write() {
    for (text, advice) in [
        ("", "screen, screen:N"),
        ("desktop", "screen, screen:N"),
        ("screen:", "screen:0"),
        ("screen:one", "screen:0"),
        ("screen:-1", "screen:0"),
        ("window", "window:ID"),
        ("window:", "window:0x1200003"),
        ("window:0x", "window:0x1200003"),
        ("window:+5", "window:0x1200003"),
        ("window:0x11112222333344445", "window:0x1200003"),
        ("pattern:", "1280x720"),
        ("pattern:64", "1280x720"),
        ("pattern:64x48@", "frames a second"),
        ("pattern:64x48@-1", "frames a second"),
        ("file:", "file:PATH"),
        ("file", "file:PATH"),
    ] {
        let error = text.parse::<SourceSpec>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{text}");
        assert!(error.message().contains(advice), "{text}: {error}");
    }
}

#[test]
fn sources_open_by_name() {
    let grant = Consent::ask(Purpose::Prepared, "what shows nothing").answer(Decision::Allow).unwrap();
    let pattern = open(&"pattern:64x48@5".parse().unwrap(), &grant).unwrap();
    assert_eq!(pattern.info().id, "pattern:64x48@5");
    let shape = "pattern:0x48@5".parse().unwrap();
    assert_eq!(open(&shape, &grant).err().map(|e| e.kind()), Some(ErrorKind::InvalidInput));
    let missing = "file:no/such.y4m".parse().unwrap();
    assert_eq!(open(&missing, &grant).err().map(|e| e.kind()), Some(ErrorKind::NotFound));
}
