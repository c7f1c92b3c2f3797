//! As much of Rust's syntax as the rules need: code without comments and strings, its words and its paths.

/// `text` with comments, strings and characters blanked; line breaks stay.
pub(crate) fn code(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = match chars[at] {
            '/' if chars.get(at + 1) == Some(&'/') => line_end(&chars, at),
            '/' if chars.get(at + 1) == Some(&'*') => block_comment_end(&chars, at),
            '"' => string_end(&chars, at),
            'r' if !continues_word(&chars, at) => raw_string_end(&chars, at).unwrap_or(at),
            '\'' => character_end(&chars, at).unwrap_or(at),
            _ => at,
        };
        if end == at {
            out.push(chars[at]);
            at += 1;
        } else {
            out.extend(chars[at..end.min(chars.len())].iter().map(|&c| if c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    out
}

/// Identifiers and keywords of `code`, and every other visible character alone, except that `::` is one word.
pub(crate) fn words(code: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = if is_word(first) {
            rest.find(|c| !is_word(c)).unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        let (word, after) = rest.split_at(length);
        words.push(word);
        rest = after.trim_start();
    }
    words
}

/// Every path with at least two parts, groups spelled out: `a::{b, c::d}` gives `a::b` and `a::c::d`.
pub(crate) fn paths(words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < words.len() {
        at = if words.get(at + 1) == Some(&"::") && words[at].starts_with(is_word) {
            path(words, at, "", &mut found)
        } else {
            at + 1
        };
    }
    found
}

/// Reads one path from `at`, adds what it stands for to `found` and returns where it ends.
fn path(words: &[&str], mut at: usize, before: &str, found: &mut Vec<String>) -> usize {
    let mut name = before.to_owned();
    loop {
        match words.get(at) {
            Some(&"{") if name.ends_with("::") => {
                at += 1;
                while let Some(&word) = words.get(at) {
                    at = match word {
                        "}" => return at + 1,
                        "," => at + 1,
                        _ => path(words, at, &name, found).max(at + 1),
                    };
                }
                return at;
            }
            Some(&part) if part.starts_with(is_word) || (part == "*" && name.ends_with("::")) => {
                name += part;
                at += 1;
            }
            _ => break,
        }
        if words.get(at) != Some(&"::") {
            break;
        }
        name += "::";
        at += 1;
    }
    if words.get(at) == Some(&"as") {
        at += 2;
    }
    found.push(name.trim_end_matches("::self").trim_end_matches("::").to_owned());
    at
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn continues_word(chars: &[char], at: usize) -> bool {
    // `br"…"` is a raw string too.
    let before = at.checked_sub(1).map(|before| chars[before]);
    before.is_some_and(|c| is_word(c) && c != 'b')
}

fn line_end(chars: &[char], at: usize) -> usize {
    chars[at..].iter().position(|&c| c == '\n').map_or(chars.len(), |length| at + length)
}

fn block_comment_end(chars: &[char], mut at: usize) -> usize {
    let mut depth = 0;
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn string_end(chars: &[char], at: usize) -> usize {
    let mut at = at + 1;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

fn raw_string_end(chars: &[char], at: usize) -> Option<usize> {
    let hashes = chars[at + 1..].iter().take_while(|&&c| c == '#').count();
    let open = at + 1 + hashes;
    if chars.get(open) != Some(&'"') {
        return None;
    }
    let mut end = open + 1;
    while end < chars.len() {
        if chars[end] == '"' && chars[end + 1..].iter().take(hashes).filter(|&&c| c == '#').count() == hashes
        {
            return Some(end + 1 + hashes);
        }
        end += 1;
    }
    Some(end)
}

/// The end of a character literal; `None` for a lifetime.
fn character_end(chars: &[char], at: usize) -> Option<usize> {
    match (chars.get(at + 1)?, chars.get(at + 2)) {
        ('\\', _) => chars[at + 3..].iter().position(|&c| c == '\'').map(|length| at + 4 + length),
        (_, Some('\'')) => Some(at + 3),
        _ => None,
    }
}
