//! The visitor's word, asked for at the terminal when an agent asks.

use crate::failure::Failure;
use crate::sources::printable;
use panecast::capture::{SourceInfo, SourceKind, SourceSpec};
use panecast::session::Purpose;
use std::io::{self, BufRead, IsTerminal, Write};
use tokio::sync::mpsc;

/// How the visitor is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// At the terminal.
    Terminal,
    /// Not at all: the visitor said yes on the command line, or nothing of the visitor's is shown.
    AlreadyAllowed,
}

/// Whether there is somebody to ask.
pub(crate) fn has_terminal() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Whether what is typed at the terminal is for this program: one in the background would be stopped for reading it.
pub(crate) fn hears() -> bool {
    #[cfg(unix)]
    let in_front =
        rustix::termios::tcgetpgrp(io::stdin()).is_ok_and(|group| group == rustix::process::getpgrp());
    #[cfg(not(unix))]
    let in_front = true;
    has_terminal() && in_front
}

/// How the visitor will be asked about `source`, or which source to show if none is given, if there is anybody to ask.
/// `commands`: answers come from standard input, whatever it is.
pub(crate) fn how(source: Option<&SourceSpec>, yes: bool, commands: bool) -> Result<Ask, Failure> {
    match (source, yes) {
        (Some(_), true) => return Ok(Ask::AlreadyAllowed),
        (None, true) => {
            return Err(Failure::usage(
                "--yes does not say what may be seen",
                "name it with --source; `panecast sources` lists what there is",
            ));
        }
        (_, false) if commands || has_terminal() => return Ok(Ask::Terminal),
        _ => {}
    }
    let what = source.map_or("anything".to_owned(), |source| printable(&source.to_string()));
    Err(Failure::new(
        format!("there is no terminal to ask whether agents may see {what}"),
        "run it in a terminal, or say yes beforehand with --source and --yes",
    ))
}

/// What the visitor is asked.
#[derive(Debug)]
pub(crate) enum Prompt {
    /// Whether this is shown.
    Whether(SourceSpec),
    /// Which of these is shown, if any.
    Which(Vec<SourceInfo>),
}

impl Prompt {
    /// Which of `sources` to show to one who asks for `purpose`: what it asked for comes first, and nothing of a
    /// person's last.
    pub(crate) fn which(mut sources: Vec<SourceInfo>, purpose: Purpose) -> Self {
        let wanted = if purpose == Purpose::Window { SourceKind::Window } else { SourceKind::Screen };
        sources.sort_by_key(|s| match s.kind {
            kind if kind == wanted => 0,
            SourceKind::Screen | SourceKind::Window | SourceKind::Camera => 1,
            SourceKind::Pattern | SourceKind::File | SourceKind::Push => 2,
        });
        Self::Which(sources)
    }

    /// As it stands before the visitor.
    fn text(&self) -> String {
        match self {
            Self::Whether(source) => {
                format!("Allow this agent to see {}? [y/N] ", printable(&source.to_string()))
            }
            Self::Which(sources) => {
                let mut text = String::new();
                for (i, s) in sources.iter().enumerate() {
                    text += &format!("  {:>3}  {:<16} {}\n", i + 1, s.id, printable(&s.name));
                }
                text + "Type the number of what this agent may see, or press Enter to decline: "
            }
        }
    }

    /// What a line means.
    fn read(&self, line: &str) -> Word {
        let line = line.trim();
        match self {
            Self::Whether(source) if ["y", "yes"].contains(&line.to_ascii_lowercase().as_str()) => {
                Word::Allow(source.clone())
            }
            Self::Which(sources) if !["", "n", "no"].contains(&line.to_ascii_lowercase().as_str()) => {
                let chosen = line.parse::<usize>().ok().and_then(|n| sources.get(n.checked_sub(1)?));
                chosen.and_then(|s| s.id.parse().ok()).map_or(Word::Unclear, Word::Allow)
            }
            // Anything but yes is no.
            _ => Word::Decline,
        }
    }
}

#[derive(Debug, PartialEq)]
enum Word {
    Allow(SourceSpec),
    Decline,
    Unclear,
}

/// What the visitor says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// To the question that stood.
    Allow(SourceSpec),
    Decline,
    /// Of its own accord.
    Pause,
    Resume,
    End,
}

impl Said {
    fn read(line: &str) -> Option<Self> {
        match line.trim().to_ascii_lowercase().as_str() {
            "p" | "pause" => Some(Self::Pause),
            "r" | "resume" => Some(Self::Resume),
            "q" | "quit" | "end" => Some(Self::End),
            _ => None,
        }
    }
}

/// What can be typed while no question stands.
pub(crate) const COMMANDS: &str = "type p to pause, r to resume, q to end, each with Enter";

/// The question that stands, and the lines that the visitor types.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    lines: Option<mpsc::UnboundedReceiver<String>>,
    prompt: Option<Prompt>,
}

impl Answers {
    /// Reads lines from now on, on a thread that ends with the program: a read cannot be given up.
    pub(crate) fn listen(&mut self) {
        self.lines.get_or_insert_with(|| {
            let (lines, answers) = mpsc::unbounded_channel();
            std::thread::spawn(move || {
                for line in io::stdin().lock().lines() {
                    if line.is_err() || lines.send(line.unwrap_or_default()).is_err() {
                        return;
                    }
                }
            });
            answers
        });
    }

    pub(crate) fn listens(&self) -> bool {
        self.lines.is_some()
    }

    /// Puts a question in the place of any before it.
    pub(crate) fn ask(&mut self, prompt: Prompt) {
        self.listen();
        show(&prompt.text());
        self.prompt = Some(prompt);
    }

    /// What was typed so far is no answer to what is asked next.
    pub(crate) fn take_typed(&mut self) -> Vec<Said> {
        let mut said = Vec::new();
        while let Some(Ok(line)) = self.lines.as_mut().map(mpsc::UnboundedReceiver::try_recv) {
            said.extend(Said::read(&line));
        }
        said
    }

    /// Nobody waits for the answer any more.
    pub(crate) fn withdraw(&mut self) {
        if self.prompt.take().is_some() {
            show("\n");
        }
    }

    /// What the visitor says next. The end of the input is a no to a question. Waits for ever where nothing can be said.
    pub(crate) async fn next(&mut self) -> Said {
        loop {
            let Some(lines) = &mut self.lines else { return std::future::pending().await };
            let line = lines.recv().await;
            match (&self.prompt, line) {
                (Some(prompt), line) => match line.map_or(Word::Decline, |line| prompt.read(&line)) {
                    Word::Unclear => {
                        show("That is not in the list. Type a number, or press Enter to decline: ")
                    }
                    word => {
                        self.prompt = None;
                        return if let Word::Allow(source) = word {
                            Said::Allow(source)
                        } else {
                            Said::Decline
                        };
                    }
                },
                (None, Some(line)) => match Said::read(&line) {
                    Some(said) => return said,
                    None => show(&format!("{COMMANDS}\n")),
                },
                (None, None) => return std::future::pending().await,
            }
        }
    }
}

/// Standard output may be a pipe; a question goes where a person looks.
fn show(text: &str) {
    let mut err = io::stderr().lock();
    let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
}

#[cfg(test)]
mod tests {
    use super::*;
    use panecast::frame::Size;

    fn source(id: &str, kind: SourceKind) -> SourceInfo {
        SourceInfo::new(id, "bad \u{1b}[2J title", kind, Size::new(8, 8))
    }

    #[test]
    fn a_pause_is_a_letter_away() {
        for (line, said) in
            [("p", Said::Pause), (" Pause ", Said::Pause), ("r", Said::Resume), ("END", Said::End)]
        {
            assert_eq!(Said::read(line), Some(said), "{line}");
        }
        // None of them is a yes.
        for line in ["", "y", "yes", "1", "pp"] {
            assert_eq!(Said::read(line), None, "{line}");
        }
    }

    #[test]
    fn only_a_clear_word_allows_anything() {
        let whether = Prompt::Whether(SourceSpec::Screen(None));
        for line in ["y", "YES ", " yes"] {
            assert_eq!(whether.read(line), Word::Allow(SourceSpec::Screen(None)), "{line}");
        }
        for line in ["", "n", "1", "yep", "ja"] {
            assert_eq!(whether.read(line), Word::Decline, "{line}");
        }
        let all = vec![
            source("pattern:64x64@30", SourceKind::Pattern),
            source("screen:0", SourceKind::Screen),
            source("window:0x7", SourceKind::Window),
        ];
        let which = Prompt::which(all, Purpose::Window);
        assert_eq!(which.read("1"), Word::Allow(SourceSpec::Window(7)), "what was asked for comes first");
        assert_eq!(which.read(" 2 "), Word::Allow(SourceSpec::Screen(Some(0))));
        for line in ["", "n", "No"] {
            assert_eq!(which.read(line), Word::Decline, "{line}");
        }
        for line in ["0", "4", "y", "-1", "screen:0"] {
            assert_eq!(which.read(line), Word::Unclear, "{line}");
        }
        assert!(!which.text().contains('\u{1b}'), "a title steers no terminal");
    }
}
