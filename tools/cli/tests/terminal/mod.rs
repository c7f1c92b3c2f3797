//! A command at a terminal: its questions are read from it and answered, its JSON comes out of a pipe.
#![allow(unreachable_pub, reason = "a module of test programs")]

use crate::panecast::{DEADLINE, Running, base_command};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::process::Stdio;
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

pub struct Terminal {
    pub command: Running,
    keyboard: File,
    screen: Receiver<Vec<u8>>,
    seen: String,
}

impl Terminal {
    pub fn start(args: &[&str]) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let side = || OpenOptions::new().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        let command = Running::of(base_command(args).stdin(Stdio::from(side())).stderr(Stdio::from(side())));
        let keyboard = File::from(master);
        let mut reading = keyboard.try_clone().unwrap();
        let (lines, screen) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // The other side is closed when the command ends; Linux calls that an error.
            while let Ok(n @ 1..) = reading.read(&mut buffer) {
                if lines.send(buffer[..n].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { command, keyboard, screen, seen: String::new() }
    }

    /// Waits for a text that was not waited for before, and gives what stands before it.
    pub fn shows(&mut self, text: &str) -> String {
        let start = Instant::now();
        loop {
            if let Some(at) = self.seen.find(text) {
                let before = self.seen[..at].to_owned();
                self.seen.drain(..at + text.len());
                return before;
            }
            let left = DEADLINE.saturating_sub(start.elapsed());
            let more = self.screen.recv_timeout(left);
            let more = more.unwrap_or_else(|_| panic!("`{text}` is not in: {}", self.seen));
            self.seen.push_str(&String::from_utf8_lossy(&more));
        }
    }

    pub fn types(&mut self, line: &str) {
        writeln!(self.keyboard, "{line}").unwrap();
    }
}
