//! Checks every dependency's licence against the list in deny.toml, without cargo-deny.

use crate::Result;
use crate::process::{capture, cargo, root};
use crate::viewer::AV1_MANIFEST;
use std::collections::BTreeSet;

/// Fails with the packages whose licence deny.toml does not allow.
pub(crate) fn run() -> Result<()> {
    let config =
        std::fs::read_to_string(root().join("deny.toml")).map_err(|error| format!("deny.toml: {error}"))?;
    let allowed = read_allowed(&config)?;
    let mut packages = BTreeSet::new();
    for manifest in ["Cargo.toml", AV1_MANIFEST] {
        let mut tree = cargo();
        // Every platform and feature: a licence counts wherever the package is built.
        tree.args(["tree", "--locked", "--workspace", "--all-features", "--target", "all", "--edges", "all"]);
        tree.args(["--prefix", "none", "--format", "{p}\t{l}", "--manifest-path", manifest]);
        packages.extend(read_tree(&capture(&mut tree)?));
    }
    let refused: Vec<String> = packages
        .iter()
        .filter(|(_, licence)| !is_allowed(licence, &allowed))
        .map(|(name, licence)| {
            format!("  {name}: {}", if licence.is_empty() { "none stated" } else { licence })
        })
        .collect();
    if refused.is_empty() {
        println!("  {} packages, all under licences that deny.toml allows", packages.len());
        Ok(())
    } else {
        Err(format!("licences that deny.toml does not allow:\n{}", refused.join("\n")))
    }
}

/// The strings of `allow = [ … ]` in the `[licenses]` table.
fn read_allowed(config: &str) -> Result<BTreeSet<String>> {
    let without_comments: Vec<&str> =
        config.lines().map(|line| line.split('#').next().unwrap_or_default()).collect();
    let config = without_comments.join("\n");
    let list = config
        .split_once("[licenses]")
        .and_then(|(_, table)| table.split_once("allow"))
        .and_then(|(_, value)| value.split_once('['))
        .and_then(|(_, list)| list.split_once(']'))
        .ok_or("deny.toml has no [licenses] allow list")?
        .0;
    Ok(list.split('"').skip(1).step_by(2).map(str::to_owned).collect())
}

/// Name with version, and licence, of each package in `cargo tree`'s output.
fn read_tree(text: &str) -> BTreeSet<(String, String)> {
    let lines = text.lines().filter_map(|line| line.split_once('\t'));
    lines
        .map(|(name, licence)| (name.to_owned(), licence.trim_end_matches(" (*)").trim().to_owned()))
        .collect()
}

/// Evaluates an SPDX expression: `OR` needs one side, `AND` both; `/` is an old way to write `OR`.
fn is_allowed(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    either(&mut rest, allowed) == Some(true) && rest.is_empty()
}

fn either(words: &mut &[&str], allowed: &BTreeSet<String>) -> Option<bool> {
    let mut value = both(words, allowed)?;
    while let Some((&"OR", rest)) = words.split_first() {
        *words = rest;
        value |= both(words, allowed)?;
    }
    Some(value)
}

fn both(words: &mut &[&str], allowed: &BTreeSet<String>) -> Option<bool> {
    let mut value = one(words, allowed)?;
    while let Some((&"AND", rest)) = words.split_first() {
        *words = rest;
        value &= one(words, allowed)?;
    }
    Some(value)
}

fn one(words: &mut &[&str], allowed: &BTreeSet<String>) -> Option<bool> {
    let (&first, rest) = words.split_first()?;
    *words = rest;
    if first == "(" {
        let value = either(words, allowed)?;
        let (&close, rest) = words.split_first()?;
        *words = rest;
        return (close == ")").then_some(value);
    }
    let mut name = first.to_owned();
    if let ["WITH", exception, rest @ ..] = *words {
        name = format!("{name} WITH {exception}");
        *words = rest;
    }
    Some(allowed.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed() -> BTreeSet<String> {
        let config = "[graph]\nall-features = true\n[licenses]\nallow = [\n  \"MIT\", # short\n  \"Unicode-3.0\",\n]\n";
        read_allowed(config).unwrap()
    }

    #[test]
    fn reads_the_allow_list() {
        assert_eq!(allowed().into_iter().collect::<Vec<_>>(), ["MIT", "Unicode-3.0"]);
        assert!(read_allowed("[bans]\nallow = []").is_err());
    }

    #[test]
    fn evaluates_expressions() {
        for good in [
            "MIT",
            "MIT OR GPL-3.0",
            "GPL-3.0/MIT",
            "(GPL-3.0 OR MIT) AND Unicode-3.0",
            "GPL-3.0 AND X OR MIT",
        ] {
            assert!(is_allowed(good, &allowed()), "{good}");
        }
        for bad in
            ["", "GPL-3.0", "MIT AND GPL-3.0", "MIT WITH Some-exception", "(MIT", "MIT)", "MIT MIT", "OR MIT"]
        {
            assert!(!is_allowed(bad, &allowed()), "{bad}");
        }
    }

    #[test]
    fn reads_cargos_tree() {
        let tree = "a v1.0.0\tMIT\nb v2.0.0 (proc-macro)\tMIT OR X (*)\n\na v1.0.0\tMIT (*)\nc v0.1.0\t\n";
        let names: Vec<(String, String)> = read_tree(tree).into_iter().collect();
        assert_eq!(names.len(), 3);
        assert_eq!(names[1], ("b v2.0.0 (proc-macro)".to_owned(), "MIT OR X".to_owned()));
        assert_eq!(names[2].1, "");
    }
}
