//! Why a command failed, with its exit code and what to do next.

use std::io;

use dagvault_api::Error;

use crate::show;

/// Kinds of failure; each has an exit code and a name in JSON. docs/cli.md lists them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// Anything without a code of its own.
    Other,
    /// The command line or the input makes no sense.
    Usage,
    /// No such path or version, or it is deleted or destroyed.
    NotFound,
    /// No key slot opens.
    WrongKey,
    /// Stored data is damaged.
    Corrupt,
    /// Something else is there already.
    Conflict,
    /// Another process writes for longer than `--wait`.
    Busy,
    /// The disk is full.
    NoSpace,
    /// An import or export left something out.
    Partial,
    /// Permission denied, or read-only.
    Denied,
    /// There is no vault.
    NoVault,
    /// The vault is of a newer format.
    Newer,
    /// The engine stopped: deadline, memory or a trap.
    Engine,
    /// A module said no.
    Rejected,
    /// A module trapped, or used up its gas, time or memory.
    Module,
    /// Ctrl-C.
    Interrupted,
    /// Whoever read our output went away.
    Pipe,
}

impl Kind {
    /// The exit code.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Other => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::WrongKey => 4,
            Self::Corrupt => 5,
            Self::Conflict => 6,
            Self::Busy => 7,
            Self::NoSpace => 8,
            Self::Partial => 9,
            Self::Denied => 10,
            Self::NoVault => 11,
            Self::Newer => 12,
            Self::Engine => 13,
            Self::Rejected => 14,
            Self::Module => 15,
            Self::Interrupted => 130,
            Self::Pipe => 141,
        }
    }

    /// The name in JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Other => "other",
            Self::Usage => "usage",
            Self::NotFound => "not-found",
            Self::WrongKey => "wrong-key",
            Self::Corrupt => "corrupt",
            Self::Conflict => "conflict",
            Self::Busy => "busy",
            Self::NoSpace => "no-space",
            Self::Partial => "partial",
            Self::Denied => "denied",
            Self::NoVault => "no-vault",
            Self::Newer => "newer-format",
            Self::Engine => "engine",
            Self::Rejected => "rejected",
            Self::Module => "module",
            Self::Interrupted => "interrupted",
            Self::Pipe => "pipe",
        }
    }

    /// What to do next, where the place of the failure knows nothing better.
    fn hint(self) -> &'static str {
        match self {
            Self::Other => "look at the message; nothing that was acknowledged is lost",
            Self::Usage => "see `dagvault help`, or docs/cli.md",
            Self::NotFound => "list what is there with `dagvault ls`, deleted paths with `dagvault ls -a`",
            Self::WrongKey => {
                "check the passphrase or key file and --vault; each of the vault's key slots opens it"
            }
            Self::Corrupt => {
                "run `dagvault verify` to see how far the damage goes, `dagvault repair --dry-run` to see what can be \
                 saved; or bring the files back from a copy"
            }
            Self::Conflict => "look at the newest version with `dagvault history` and try again",
            Self::Busy => "try again, or wait longer with --wait SECONDS",
            Self::NoSpace => {
                "free some space and run the command again (`dagvault gc` removes what it had begun to write); \
                 nothing acknowledged is lost"
            }
            Self::Partial => "see the warnings above; run the command again to try only what is missing",
            Self::Denied => "check owner and mode of the files, and that the file system is writable",
            Self::NoVault => "make one with `dagvault init`, or name another with --vault or DAGVAULT",
            Self::Newer => "use the newer dagvault that wrote it",
            Self::Engine => {
                "stored data is untouched; try a longer --deadline, more --max-memory or --engine native"
            }
            Self::Rejected => "the module's reason stands in its answer",
            Self::Module => "look at its log; more gas by --gas, if the profile allows it",
            Self::Interrupted => "nothing acknowledged is lost; run the same command again to go on",
            Self::Pipe => "",
        }
    }
}

/// A failed command.
#[derive(Debug)]
pub(crate) struct Failure {
    /// Which kind.
    pub(crate) kind: Kind,
    /// What happened, safe to print.
    pub(crate) message: String,
    /// What to do next.
    pub(crate) hint: String,
}

/// What a step of a command answers.
pub(crate) type Outcome<T> = Result<T, Failure>;

impl Failure {
    /// A failure with the hint of its kind.
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: kind.hint().into() }
    }

    /// The same with another hint.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: hint.into(), ..self }
    }

    /// Bad usage.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// A failure of the system at `what`.
    pub(crate) fn io(what: &str, error: &io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::BrokenPipe => Kind::Pipe,
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Kind::Denied,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Kind::NoSpace
            }
            _ => Kind::Other,
        };
        let failure = Self::new(kind, format!("{}: {}", show::safe(what), reason(error)));
        if kind == Kind::Other && error.kind() == io::ErrorKind::NotFound {
            return failure.hint("check the name of the file or folder");
        }
        failure
    }

    /// An answer of the engine that does not belong to its request.
    pub(crate) fn odd_answer() -> Self {
        Self::new(Kind::Engine, "the engine gave an answer to another question")
            .hint("this is a bug in dagvault, or the engine's module is not ours; stored data is untouched")
    }
}

/// The reason of an error of the system, without Rust's "(os error 2)".
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error ") {
        Some(end) => text[..end].to_owned(),
        None => show::safe(&text),
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let kind = match &error {
            Error::NotFound { .. } | Error::Deleted { .. } | Error::Destroyed { .. } => Kind::NotFound,
            Error::WrongKey {} => Kind::WrongKey,
            Error::Corrupt { .. } | Error::Refuted { .. } => Kind::Corrupt,
            Error::Conflict { .. } | Error::Exists { .. } => Kind::Conflict,
            Error::Busy { .. } => Kind::Busy,
            Error::NoSpace { .. } => Kind::NoSpace,
            Error::ReadOnly { .. } | Error::Denied { .. } => Kind::Denied,
            Error::Unsupported { .. } => Kind::Newer,
            Error::Limit { .. } | Error::BadRequest { .. } => Kind::Usage,
            Error::Absent { .. } => Kind::NoVault,
            Error::Deadline {}
            | Error::Trap { .. }
            | Error::Memory {}
            | Error::GuestMisbehaved { .. }
            | Error::Fault { .. } => Kind::Engine,
            _ => Kind::Other,
        };
        let failure = Self::new(kind, show::safe(&error.to_string()));
        match error {
            Error::Deleted { .. } => failure.hint("bring it back with `dagvault undelete PATH`"),
            Error::Destroyed { .. } => {
                failure.hint("it can't be brought back; `dagvault history PATH` shows what is left")
            }
            Error::Exists { .. } => failure.hint("use it, or name another place with --vault"),
            Error::Fault { .. } => failure.hint(
                "try again with `--accel off` or the other engine; if it comes back, suspect the machine",
            ),
            Error::Refuted { .. } => failure.hint(
                "it was changed, or is of another commit: ask for a new one, and compare the commit's CID",
            ),
            Error::Limit { .. } => failure.hint("docs/cli.md lists the limits"),
            _ => failure,
        }
    }
}

#[cfg(feature = "wasm")]
impl From<dagvault_registry::RegistryError> for Failure {
    fn from(error: dagvault_registry::RegistryError) -> Self {
        use dagvault_registry::RegistryError as E;
        let text = show::safe(&error.to_string());
        match error {
            E::Vault(error) => error.into(),
            E::NotFound(_) => {
                Self::new(Kind::NotFound, text).hint("list the modules with `dagvault module ls`")
            }
            E::Damaged(_) => Self::new(Kind::Corrupt, text),
            E::NoProfile | E::Profile(_) => Self::usage(text).hint(
                "name one with --profile: validator, intent, policy, waf, edge, sealed or zk (docs/sandbox.md)",
            ),
            E::Load(dagvault_sandbox::LoadError::Overloaded) => Self::new(Kind::Busy, text),
            E::Load(dagvault_sandbox::LoadError::Sha256) => Self::new(Kind::Corrupt, text),
            E::Load(dagvault_sandbox::LoadError::Compiler { .. }) => Self::new(Kind::Module, text)
                .hint("it takes more time or memory to compile than modules may"),
            E::Load(_) => Self::usage(text).hint("docs/sandbox.md says what modules may be"),
            _ => Self::usage(text),
        }
    }
}

#[cfg(feature = "wasm")]
impl From<dagvault_sandbox::Refused> for Failure {
    fn from(refused: dagvault_sandbox::Refused) -> Self {
        use dagvault_sandbox::Refused as R;
        let text = show::safe(&refused.to_string());
        match refused {
            R::Overloaded { .. } => Self::new(Kind::Busy, text),
            R::System { .. } => Self::new(Kind::Other, text),
            _ => Self::usage(text).hint("see `dagvault module show`, or docs/sandbox.md"),
        }
    }
}
