//! An agent's pass together with the key that it is for, as a file has them: one line each, in either order. Empty lines
//! and lines that begin with `#` are for people.

use super::text::MOST_CHARS;
use super::{AgentKey, Pass, SealError};
use std::fmt;
use std::str::FromStr;

/// A pass and its holder's key: all that an agent needs to knock at a presence. `Display` writes the file, key
/// included; `Debug` hides the key.
#[derive(Clone)]
pub struct Credential {
    key: AgentKey,
    pass: Pass,
}

impl Credential {
    /// Puts the two together.
    ///
    /// # Errors
    /// - [`SealError::Pass`] if the pass is for another key.
    pub fn new(key: AgentKey, pass: Pass) -> Result<Self, SealError> {
        pass.check_holder(&key.public().0)?;
        Ok(Self { key, pass })
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &AgentKey {
        &self.key
    }

    /// The pass.
    #[must_use]
    pub fn pass(&self) -> &Pass {
        &self.pass
    }
}

impl FromStr for Credential {
    type Err = SealError;

    fn from_str(text: &str) -> Result<Self, SealError> {
        if text.len() > 4 * MOST_CHARS {
            return Err(SealError::Text);
        }
        let (mut key, mut pass) = (None, None);
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            match (line.parse(), &key, &pass) {
                (Ok(found), None, _) => key = Some(found),
                (Err(_), _, None) => pass = Some(line.parse()?),
                _ => return Err(SealError::Text),
            }
        }
        match (key, pass) {
            (Some(key), Some(pass)) => Self::new(key, pass),
            _ => Err(SealError::Text),
        }
    }
}

impl fmt::Display for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}\n", self.key, self.pass)
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("pass", &self.pass).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::TenantKey;
    use super::*;

    #[test]
    fn a_file_of_two_lines_is_read_in_either_order_and_nothing_else_is() {
        let (tenant, key, other) =
            (TenantKey::draw().unwrap(), AgentKey::draw().unwrap(), AgentKey::draw().unwrap());
        let pass = tenant.issue("shop", "Ada", &key.public(), 99).unwrap();
        let whole = Credential::new(key.clone(), pass.clone()).unwrap();
        let read: Credential = whole.to_string().parse().unwrap();
        assert_eq!((read.pass(), read.key().public()), (&pass, key.public()));
        let commented = format!("# Ada's, until noon\r\n\r\n  {pass}\r\n{key}");
        assert_eq!(commented.parse::<Credential>().unwrap().pass(), &pass);
        for bad in [
            String::new(),
            key.to_string(),
            pass.to_string(),
            format!("{key}\n{key}\n{pass}"),
            format!("{key}\n{pass}\n{pass}"),
            format!("{key}\n{pass}\nhello"),
            format!("{tenant}\n{pass}"),
            "#\n".repeat(4 * MOST_CHARS),
        ] {
            assert_eq!(bad.parse::<Credential>().unwrap_err(), SealError::Text, "{bad:.40}");
        }
        assert!(matches!(format!("{other}\n{pass}").parse::<Credential>(), Err(SealError::Pass(_))));
        assert!(!format!("{whole:?}").contains(&key.to_string()));
    }
}
