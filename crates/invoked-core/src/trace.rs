//! Where an invocation stands in a trace: the context of W3C Trace Context (level 1), which travels
//! from the request that invoked to the attempts and to whoever is told.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

/// The name that the context travels under: a header, a property, an attribute of a CloudEvent.
pub const TRACEPARENT: &str = "traceparent";
/// The same of what others keep of the trace.
pub const TRACESTATE: &str = "tracestate";

/// Characters of a `tracestate` that is passed on; a longer one is dropped whole. W3C Trace Context,
/// 3.3.1.5: "Vendors SHOULD propagate at least 512 characters of a combined header".
pub const STATE_BYTES_MAX: usize = 512;
/// Members of a `tracestate`. W3C Trace Context, 3.3.1.1.
pub const STATE_MEMBERS_MAX: usize = 32;

/// Characters of a member's key, and of its value. W3C Trace Context, 3.3.1.3.
const MEMBER_BYTES_MAX: usize = 256;
/// Characters of a `traceparent` of version 00.
const PARENT_BYTES: usize = 55;
/// The flags that a receiver of version 00 passes on: sampled, and (level 2) a random trace id.
const KNOWN_FLAGS: u8 = 0b11;
const SAMPLED: u8 = 0b01;

/// A place in a trace.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TraceContext {
    /// The trace, never zero.
    pub trace_id: [u8; 16],
    /// The span that what follows is a child of, never zero.
    pub parent_id: [u8; 8],
    /// Flags: bit 0 says that the caller records the trace.
    pub flags: u8,
    /// What others keep of the trace, unread: visible ASCII, 1 to 512 characters.
    pub state: Option<Box<str>>,
}

impl TraceContext {
    /// The context of a request with these headers. `None` for a `traceparent` that is none: the
    /// request counts as one without. A `tracestate` that is none is left out.
    #[must_use]
    pub fn parse(parent: &str, state: Option<&str>) -> Option<Self> {
        let (version, rest) = field::<1>(parent)?;
        let (trace_id, rest) = field::<16>(after_dash(rest)?)?;
        let (parent_id, rest) = field::<8>(after_dash(rest)?)?;
        let ([flags], rest) = field::<1>(after_dash(rest)?)?;
        let is_whole = match version {
            [0] => parent.len() == PARENT_BYTES,
            // A later version may go on behind another dash.
            [_] => rest.is_empty() || rest.starts_with('-'),
        };
        if version == [0xFF] || !is_whole || trace_id == [0; 16] || parent_id == [0; 8] {
            return None;
        }
        let state = state.map(str::trim).filter(|state| is_state(state)).map(Into::into);
        Some(Self { trace_id, parent_id, flags: flags & KNOWN_FLAGS, state })
    }

    /// The value of `traceparent`, in version 00.
    #[must_use]
    pub fn traceparent(&self) -> String {
        let trace_id = u128::from_be_bytes(self.trace_id);
        let parent_id = u64::from_be_bytes(self.parent_id);
        format!("00-{trace_id:032x}-{parent_id:016x}-{:02x}", self.flags)
    }

    /// Names and values that the context travels as, at most two.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, Cow<'_, str>)> {
        let parent = (TRACEPARENT, Cow::Owned(self.traceparent()));
        let state = self.state.as_deref().map(|state| (TRACESTATE, Cow::Borrowed(state)));
        core::iter::once(parent).chain(state)
    }

    /// Whether the caller records the trace.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }
}

/// Whether a header, property or attribute of this lower-case name is a part of the context.
#[must_use]
pub fn is_field(name: &str) -> bool {
    matches!(name, TRACEPARENT | TRACESTATE)
}

/// `N` bytes in lower-case hexadecimal, and what follows them.
fn field<const N: usize>(text: &str) -> Option<([u8; N], &str)> {
    let (digits, rest) = text.split_at_checked(N.checked_mul(2)?)?;
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        for digit in pair {
            *byte = (*byte << 4) | nibble(*digit)?;
        }
    }
    Some((bytes, rest))
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit.wrapping_sub(b'0')),
        b'a'..=b'f' => Some(digit.wrapping_sub(b'a').wrapping_add(10)),
        _ => None,
    }
}

fn after_dash(text: &str) -> Option<&str> {
    text.strip_prefix('-')
}

fn is_state(state: &str) -> bool {
    let is_short = (1..=STATE_BYTES_MAX).contains(&state.len());
    is_short
        && state.split(',').count() <= STATE_MEMBERS_MAX
        && state.split(',').map(str::trim).all(|member| member.is_empty() || is_member(member))
}

fn is_member(member: &str) -> bool {
    let Some((key, value)) = member.split_once('=') else { return false };
    let is_key =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-*/@".contains(&byte);
    let is_value = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'=';
    (1..=MEMBER_BYTES_MAX).contains(&key.len())
        && (1..=MEMBER_BYTES_MAX).contains(&value.len())
        && key.bytes().all(is_key)
        && value.bytes().all(is_value)
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_context_is_passed_on_as_it_came() {
        let context = TraceContext::parse(PARENT, Some("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"));
        let context = context.unwrap();
        assert_eq!(context.traceparent(), PARENT);
        assert_eq!(context.state.as_deref(), Some("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"));
        assert!(context.is_sampled());
        let unsampled = PARENT.replace("-01", "-00");
        assert!(!TraceContext::parse(&unsampled, None).unwrap().is_sampled());
    }

    /// The cases of the specification's own test suite that need no second header.
    #[test]
    fn what_is_no_traceparent_is_none() {
        let none: [&str; 14] = [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-000f067aa0ba902b7-01",
            "00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01",
            " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473ü-00f067aa0ba902b7-01",
        ];
        for parent in none {
            assert_eq!(TraceContext::parse(parent, None), None, "{parent}");
        }
    }

    #[test]
    fn a_later_version_is_read_as_far_as_it_is_known() {
        for (parent, is_one) in [
            ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true),
            ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-will-be", true),
            ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.what-will-not", false),
        ] {
            let context = TraceContext::parse(parent, None);
            assert_eq!(context.map(|of| of.traceparent()), is_one.then(|| PARENT.into()));
        }
        let flags = TraceContext::parse(&PARENT.replace("-01", "-ff"), None).unwrap().flags;
        assert_eq!(flags, KNOWN_FLAGS);
    }

    #[test]
    fn a_state_that_is_none_leaves_the_parent() {
        let long = alloc::format!("k={}", "v".repeat(256));
        let state = |state: &str| TraceContext::parse(PARENT, Some(state)).unwrap().state;
        for good in ["a=1", "a=1, b=2", "a=1,,b=2", "tenant@vendor=x y", long.as_str()] {
            assert_eq!(state(good).as_deref(), Some(good));
        }
        let many: Vec<_> = (0..33).map(|n| alloc::format!("k{n}=v")).collect();
        let far = alloc::format!("{long},{long}");
        for bad in ["", " ", "a", "A=1", "a=", "=1", "a=b=c", "a=\u{7}", "a=ü"] {
            assert_eq!(state(bad), None, "{bad}");
        }
        for bad in [&alloc::format!("{long}v"), &many.join(","), &far] {
            assert_eq!(state(bad), None, "{bad}");
        }
        assert_eq!(state(&many[..32].join(",")), Some(many[..32].join(",").into()));
    }
}
