//! Receipts: what an execution came to, signed, for anybody to check by executing it again.

use std::fmt;

use dagvault_core::cbor::{Bytes, CborError, Decoder, Encoder, Wire, from_slice, to_vec};
use dagvault_core::ids::RECEIPT_DOMAIN;
use dagvault_core::limits::RECEIPT_BYTES_MAX;
use dagvault_crypto::{hash, sign};

use crate::call::{Call, Format, Function};
use crate::outcome::{Execution, Outcome, Refused, Trap};
use crate::{LoadError, Module, Sandbox};

/// Hash of what an execution is given and leaves, BLAKE3.
pub type Digest = [u8; hash::HASH_BYTES];

/// Longest name in a receipt, bytes.
const NAME_BYTES_MAX: usize = 1024;

/// What a receipt says; all of it is signed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Receipt {
    /// The module's binary CID.
    pub module: Vec<u8>,
    /// The profile that it ran under.
    pub profile: String,
    /// Of function, input, time, seed, gas limit: [`input_digest`].
    pub input: Digest,
    /// The state that it saw.
    pub state_root: Digest,
    /// Of its output.
    pub output: Digest,
    /// Of its effects and of what it wrote.
    pub effects: Digest,
    /// The gas that it used.
    pub gas: u64,
    /// How it ended; never by a timeout.
    pub outcome: Outcome,
    /// The version of the gas schedule.
    pub schedule: u32,
    /// The receipt before it, as [`Signed::digest`] says, if it is one of a chain.
    pub previous: Option<Digest>,
}

/// A receipt with the signature of who executed it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signed {
    /// What it says.
    pub receipt: Receipt,
    /// Who signed, Ed25519.
    pub signer: [u8; sign::KEY_BYTES],
    /// The signature.
    pub signature: [u8; sign::SIGNATURE_BYTES],
}

/// Why there is no receipt, or a receipt does not hold.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ReceiptError {
    /// It is not of the form.
    Form(CborError),
    /// The signature is not one of the signer for it.
    Signature,
    /// A timeout is not the same everywhere, so nothing can be said of it.
    Timeout,
    /// It is about something else than what it is checked against.
    Other(&'static str),
    /// The execution came to something else.
    Differs(&'static str),
    /// Nothing was executed.
    Refused(Refused),
    /// The module cannot be loaded.
    Load(LoadError),
}

impl fmt::Display for ReceiptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form(error) => write!(f, "the receipt is not of the form: {error}"),
            Self::Signature => f.write_str("the receipt's signature does not hold"),
            Self::Timeout => f.write_str("an execution that took too long has no receipt"),
            Self::Other(what) => write!(f, "the receipt is for another {what}"),
            Self::Differs(what) => write!(f, "executed again, it comes to another {what}"),
            Self::Refused(refused) => write!(f, "it cannot be executed again: {refused}"),
            Self::Load(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for ReceiptError {}

impl From<CborError> for ReceiptError {
    fn from(error: CborError) -> Self {
        Self::Form(error)
    }
}

/// Everything that an execution is given, but the module and the state, in one hash.
#[must_use]
pub fn input_digest(call: &Call<'_>, gas_limit: u64) -> Digest {
    let mut encoder = Encoder::default();
    encoder.array(7);
    match call.function {
        Function::Op(op) => encoder.uint(op.into()),
        Function::Named(name) => encoder.text(name),
        Function::Program => encoder.null(),
    }
    encoder.bytes(call.input);
    encoder.bool(call.format == Format::Json);
    encoder.uint(gas_limit);
    encoder.uint(call.now_ms);
    encoder.bytes(&call.seed);
    encoder.bytes(call.name);
    hash::hash(&encoder.finish())
}

/// What an execution changes, in one hash: its effects in order, then what it wrote by keys.
#[must_use]
pub fn effects_digest(execution: &Execution) -> Digest {
    let mut encoder = Encoder::default();
    encoder.array(2);
    encoder.array(execution.effects.len());
    execution.effects.iter().for_each(|effect| encoder.bytes(effect));
    encoder.array(execution.writes.len());
    for (key, value) in &execution.writes {
        encoder.array(2);
        encoder.bytes(key);
        match value {
            Some(value) => encoder.bytes(value),
            None => encoder.null(),
        }
    }
    hash::hash(&encoder.finish())
}

impl Receipt {
    /// What an execution came to.
    ///
    /// # Errors
    /// If it ended by a timeout.
    pub fn of(
        sandbox: &Sandbox,
        module: &Module,
        call: &Call<'_>,
        execution: &Execution,
        cid: &[u8],
        state_root: Digest,
        previous: Option<Digest>,
    ) -> Result<Self, ReceiptError> {
        if execution.outcome == Outcome::Timeout {
            return Err(ReceiptError::Timeout);
        }
        let limit = sandbox.gas_limit(module, call).map_err(ReceiptError::Refused)?;
        Ok(Self {
            module: cid.to_vec(),
            profile: module.profile().name.to_owned(),
            input: input_digest(call, limit),
            state_root,
            output: hash::hash(&execution.output),
            effects: effects_digest(execution),
            gas: execution.gas,
            outcome: execution.outcome,
            schedule: sandbox.schedule().version(),
            previous,
        })
    }

    /// The receipt, signed.
    #[must_use]
    pub fn sign(self, key: &sign::SigningKey) -> Signed {
        let signature = key.sign(&self.signed_bytes());
        Signed { receipt: self, signer: key.verifying_key(), signature }
    }

    /// What is signed, behind [`RECEIPT_DOMAIN`].
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        to_vec(self)
    }

    /// The receipt with a signature that somebody else has made.
    ///
    /// # Errors
    /// If it does not hold.
    pub fn signed(
        self,
        signer: [u8; sign::KEY_BYTES],
        signature: [u8; sign::SIGNATURE_BYTES],
    ) -> Result<Signed, ReceiptError> {
        sign::verify(&signer, &self.signed_bytes(), &signature).map_err(|_| ReceiptError::Signature)?;
        Ok(Signed { receipt: self, signer, signature })
    }

    fn signed_bytes(&self) -> Vec<u8> {
        let mut bytes = RECEIPT_DOMAIN.to_vec();
        bytes.extend(self.write());
        bytes
    }
}

impl Signed {
    /// Reads a receipt and checks its form and its signature, nothing else.
    ///
    /// # Errors
    /// If it is anything but what [`Signed::write`] writes, or the signature does not hold.
    pub fn read(bytes: &[u8]) -> Result<Self, ReceiptError> {
        if bytes.len() > RECEIPT_BYTES_MAX {
            return Err(CborError::Trailing.into());
        }
        let signed: Self = from_slice(bytes)?;
        signed.receipt.signed(signed.signer, signed.signature)
    }

    /// Its strict dag-cbor.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        to_vec(self)
    }

    /// What the next receipt of a chain names it by.
    #[must_use]
    pub fn digest(&self) -> Digest {
        hash::hash(&self.write())
    }

    /// Executes it again, and compares everything. The state that `call` sees has to be that of the receipt's root:
    /// whoever calls this has it from there.
    ///
    /// # Errors
    /// What it is not about, or what came out otherwise.
    pub fn check(
        &self,
        sandbox: &Sandbox,
        module: &Module,
        call: &Call<'_>,
        cid: &[u8],
    ) -> Result<Execution, ReceiptError> {
        let said = &self.receipt;
        if said.schedule != sandbox.schedule().version() {
            return Err(ReceiptError::Other("version of the gas schedule"));
        }
        if said.module != cid {
            return Err(ReceiptError::Other("module"));
        }
        if said.profile != module.profile().name {
            return Err(ReceiptError::Other("profile"));
        }
        let limit = sandbox.gas_limit(module, call).map_err(ReceiptError::Refused)?;
        if said.input != input_digest(call, limit) {
            return Err(ReceiptError::Other("input"));
        }
        let execution = sandbox.execute(module, call).map_err(ReceiptError::Refused)?;
        let again = Receipt::of(sandbox, module, call, &execution, cid, said.state_root, said.previous)?;
        for (same, what) in [
            (again.outcome == said.outcome, "outcome"),
            (again.gas == said.gas, "gas"),
            (again.output == said.output, "output"),
            (again.effects == said.effects, "effects"),
        ] {
            if !same {
                return Err(ReceiptError::Differs(what));
            }
        }
        Ok(execution)
    }
}

/// Numbers of outcomes; a trap has its kind's behind [`TRAP`].
const OK: u64 = 0;
const REJECT: u64 = 1;
const OUT_OF_GAS: u64 = 2;
const MEMORY_LIMIT: u64 = 3;
const TRAP: u64 = 16;

impl<'a> Wire<'a> for Receipt {
    fn encode(&self, to: &mut Encoder<'_>) {
        to.array(10);
        to.bytes(&self.module);
        to.text(&self.profile);
        for digest in [&self.input, &self.state_root, &self.output, &self.effects] {
            to.bytes(digest);
        }
        to.uint(self.gas);
        to.uint(match self.outcome {
            Outcome::Ok => OK,
            Outcome::Reject => REJECT,
            Outcome::OutOfGas => OUT_OF_GAS,
            Outcome::MemoryLimit => MEMORY_LIMIT,
            Outcome::Trap(trap) => TRAP + trap.number(),
            // No receipt has it, and none that has it can be read.
            Outcome::Timeout => u64::MAX,
        });
        self.schedule.encode(to);
        self.previous.encode(to);
    }

    fn decode(from: &mut Decoder<'a>) -> Result<Self, CborError> {
        from.record(10)?;
        let (module, profile) = (Bytes::decode(from)?.0, String::decode(from)?);
        if module.len() > NAME_BYTES_MAX {
            return Err(CborError::Value);
        }
        let mut digest = || from.fixed::<{ hash::HASH_BYTES }>();
        let (input, state_root, output, effects) = (digest()?, digest()?, digest()?, digest()?);
        let gas = from.uint()?;
        let outcome = match from.uint()? {
            OK => Outcome::Ok,
            REJECT => Outcome::Reject,
            OUT_OF_GAS => Outcome::OutOfGas,
            MEMORY_LIMIT => Outcome::MemoryLimit,
            number => {
                let trap = number.checked_sub(TRAP).and_then(Trap::numbered);
                Outcome::Trap(trap.ok_or(CborError::Value)?)
            }
        };
        let (schedule, previous) = (u32::decode(from)?, Option::decode(from)?);
        Ok(Self { module, profile, input, state_root, output, effects, gas, outcome, schedule, previous })
    }
}

impl<'a> Wire<'a> for Signed {
    fn encode(&self, to: &mut Encoder<'_>) {
        to.array(3);
        self.receipt.encode(to);
        to.bytes(&self.signer);
        to.bytes(&self.signature);
    }

    fn decode(from: &mut Decoder<'a>) -> Result<Self, CborError> {
        from.record(3)?;
        Ok(Self { receipt: Receipt::decode(from)?, signer: from.fixed()?, signature: from.fixed()? })
    }
}
