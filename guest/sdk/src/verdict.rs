//! What a function answers.

use core::fmt::Display;

use serde::Serialize;

/// Accepted or rejected, with a value where there is one to tell.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[must_use]
pub struct Verdict<T = ()> {
    /// Whether it is accepted.
    pub ok: bool,
    /// Why it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What else there is to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<T>,
}

impl Verdict {
    /// Accepted.
    pub fn accept() -> Self {
        Self { ok: true, reason: None, value: None }
    }

    /// Rejected, with the reason.
    pub fn reject(reason: impl Into<String>) -> Self {
        Self { ok: false, reason: Some(reason.into()), value: None }
    }

    /// Accepted if something holds, otherwise rejected with the reason.
    pub fn require(holds: bool, reason: &str) -> Self {
        if holds { Self::accept() } else { Self::reject(reason) }
    }

    /// Accepted if this and another are; the reason is that of the first that is not.
    pub fn and(self, other: impl FnOnce() -> Self) -> Self {
        if self.ok { other() } else { self }
    }

    /// The same with a value.
    pub fn with<T>(self, value: T) -> Verdict<T> {
        Verdict { ok: self.ok, reason: self.reason, value: Some(value) }
    }
}

/// Why a request is rejected. Every error becomes one by `?`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reject(
    /// The reason.
    pub String,
);

impl<E: Display> From<E> for Reject {
    fn from(reason: E) -> Self {
        Self(reason.to_string())
    }
}

/// What a function of a module may answer: [`Verdict`], or `Result<T, Reject>` where `T` has serde's `Serialize`.
#[diagnostic::on_unimplemented(
    message = "a function of a module answers a `Verdict` or a `Result<T, Reject>`, not `{Self}`"
)]
pub trait Answer {
    /// The output of the module: dag-cbor of `{"ok", "reason"?, "value"?}`.
    fn output(self) -> Vec<u8>;
}

impl<T: Serialize> Answer for Verdict<T> {
    fn output(self) -> Vec<u8> {
        crate::encode(&self)
    }
}

impl<T: Serialize> Answer for Result<T, Reject> {
    fn output(self) -> Vec<u8> {
        match self {
            Ok(value) => Verdict::accept().with(value).output(),
            Err(Reject(reason)) => Verdict::reject(reason).output(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_have_only_what_there_is() {
        assert_eq!(Verdict::accept().output(), b"\xa1\x62ok\xf5");
        assert_eq!(Verdict::reject("no").output(), b"\xa2\x62ok\xf4\x66reason\x62no");
        assert_eq!(Ok::<_, Reject>(7).output(), b"\xa2\x62ok\xf5\x65value\x07");
        assert_eq!(Err::<(), _>(Reject("no".into())).output(), Verdict::reject("no").output());
    }

    #[test]
    fn the_first_reason_is_told() {
        let verdict = Verdict::require(true, "a").and(|| Verdict::reject("b")).and(|| Verdict::reject("c"));
        assert_eq!(verdict, Verdict::reject("b"));
        let parsed = || -> Result<u8, Reject> { Ok("300".parse()?) };
        assert_eq!(parsed().unwrap_err().0, "number too large to fit in target type");
    }
}
