//! A tenant's name, and how links carry it.

/// The tenant of those who name none.
pub const DEFAULT_TENANT: &str = "default";

/// Most bytes of a tenant's name, as the ends' handshake takes it.
pub const MOST_TENANT_BYTES: usize = 255;

/// The query's field in links.
const FIELD: &str = "tenant";

pub(crate) fn default_tenant() -> String {
    DEFAULT_TENANT.to_owned()
}

pub(crate) fn is_default(tenant: &str) -> bool {
    tenant == DEFAULT_TENANT
}

/// Whether a tenant can have this name: 1 to [`MOST_TENANT_BYTES`] bytes without control characters.
#[must_use]
pub fn is_tenant_name(name: &str) -> bool {
    (1..=MOST_TENANT_BYTES).contains(&name.len()) && !name.chars().any(char::is_control)
}

/// The query of a link into `tenant`: nothing for [`DEFAULT_TENANT`], else `?tenant=` and the name, percent-encoded. One
/// name has one form.
#[must_use]
pub fn tenant_query(tenant: &str) -> String {
    if is_default(tenant) {
        return String::new();
    }
    let mut query = format!("?{FIELD}=");
    for byte in tenant.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                query.push(char::from(byte));
            }
            _ => query.push_str(&format!("%{byte:02X}")),
        }
    }
    query
}

/// The tenant that a link's query (what stands behind the `?`) leads to, read as browsers read it; other fields are not
/// looked at. `None` if it names none that can be, or two.
#[must_use]
pub fn tenant_of_query(query: &str) -> Option<String> {
    let mut found = None;
    for field in query.split('&') {
        let (name, value) = field.split_once('=').unwrap_or((field, ""));
        if decoded(name)? != FIELD.as_bytes() {
            continue;
        }
        let tenant = String::from_utf8(decoded(value)?).ok().filter(|name| is_tenant_name(name))?;
        if found.replace(tenant).is_some() {
            return None;
        }
    }
    Some(found.unwrap_or_else(default_tenant))
}

/// The bytes of a percent-encoded text; `None` if it is cut short or has no hex digits.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16).map(|digit| digit as u8);
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => digit(bytes.next())? << 4 | digit(bytes.next())?,
            b'+' => b' ',
            _ => byte,
        });
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_carries_a_tenant_s_name_in_one_form() {
        for (name, query) in [
            ("default", ""),
            ("shop", "?tenant=shop"),
            ("Shop-1_a.b~c", "?tenant=Shop-1_a.b~c"),
            ("a&b=c#d?e/f%g", "?tenant=a%26b%3Dc%23d%3Fe%2Ff%25g"),
            ("zwei Läden+1", "?tenant=zwei%20L%C3%A4den%2B1"),
            ("'(!*)\"<>", "?tenant=%27%28%21%2A%29%22%3C%3E"),
        ] {
            assert_eq!(tenant_query(name), query);
            assert_eq!(tenant_of_query(query.strip_prefix('?').unwrap_or("")), Some(name.to_owned()));
        }
    }

    #[test]
    fn a_query_is_read_as_browsers_read_it() {
        for (query, tenant) in [
            ("", "default"),
            ("codecs=vp8", "default"),
            ("x&tenant=shop&y=1", "shop"),
            ("%74enant=a+b%2bc", "a b+c"),
            ("tenant=a=b", "a=b"),
            ("tenant=default", "default"),
        ] {
            assert_eq!(tenant_of_query(query).as_deref(), Some(tenant), "{query}");
        }
    }

    #[test]
    fn names_that_no_tenant_has_lead_nowhere() {
        let long = format!("tenant={}", "x".repeat(MOST_TENANT_BYTES + 1));
        for bad in [
            "tenant=",
            "tenant",
            "tenant=a&tenant=b",
            "tenant=a&tenant=a",
            "tenant=%",
            "tenant=%4",
            "tenant=%4g",
            "tenant=%+1",
            "tenant=%ff",
            "tenant=a%00b",
            "tenant=a%0Ab",
            "tenant=%C2%85",
            &long,
        ] {
            assert_eq!(tenant_of_query(bad), None, "{bad}");
        }
        let longest = "é".repeat(MOST_TENANT_BYTES / 2);
        assert_eq!(tenant_of_query(&tenant_query(&longest)[1..]), Some(longest));
    }
}
