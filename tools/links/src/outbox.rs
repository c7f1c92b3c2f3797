//! A folder instead of phones, for development and tests.

use crate::message::LinkMessage;
use crate::sender::{LinkSender, SendError, Sending};
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Writes each message to a file of its own, and, if asked to, the link to the console.
#[derive(Debug)]
pub struct Outbox {
    folder: PathBuf,
    console: bool,
}

impl Outbox {
    /// Into `folder`, which is made if it is not there.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn into(folder: &Path, console: bool) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        Ok(Self { folder: folder.to_owned(), console })
    }

    /// The file is there as a whole or not at all, and only its owner reads it: a link's secret is in it.
    fn write(&self, message: &LinkMessage) -> io::Result<()> {
        let path = self.folder.join(format!("{}-{}.json", message.expires, message.id));
        let begun = path.with_extension("part");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&begun)?;
        serde_json::to_writer_pretty(&mut file, message)?;
        file.write_all(b"\n")?;
        drop(file);
        std::fs::rename(begun, path)
    }
}

impl LinkSender for Outbox {
    fn send<'a>(&'a self, message: &'a LinkMessage) -> Sending<'a> {
        Box::pin(async move {
            self.write(message).map_err(|e| {
                SendError::Unreachable(format!("cannot write to {}: {e}", self.folder.display()))
            })?;
            if self.console {
                // Standard error: standard output may be read by a program.
                eprintln!("link for {}: {}", message.to, message.url);
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    #[tokio::test]
    async fn each_message_is_a_file_that_only_its_owner_reads() {
        let folder = tempfile::tempdir().unwrap();
        let outbox = Outbox::into(&folder.path().join("new"), false).unwrap();
        let to = "+4915123456789".parse().unwrap();
        let url = "http://127.0.0.1:7700/camera#0123456789abcdefghjkmnpqrs";
        let message = LinkMessage::new(&to, url, "default", "Ada", SystemTime::now());
        outbox.send(&message).await.unwrap();
        outbox.send(&message).await.unwrap();
        let files: Vec<_> =
            std::fs::read_dir(folder.path().join("new")).unwrap().map(|f| f.unwrap().path()).collect();
        let [file] = &files[..] else { panic!("{files:?}") };
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let read: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        assert_eq!((&read["to"], &read["url"]), (&"+4915123456789".into(), &url.into()));
        std::fs::remove_dir_all(folder.path().join("new")).unwrap();
        assert!(matches!(outbox.send(&message).await, Err(SendError::Unreachable(_))));
    }
}
