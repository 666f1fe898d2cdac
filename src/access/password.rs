//! Passwords: argon2id (RFC 9106) with the parameters OWASP recommends.

mod common;

use argon2::{Algorithm, Argon2, Block, Params, PasswordHash, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use subtle::ConstantTimeEq as _;

use crate::id::random;
use crate::secret::Secret;

/// The shortest password that is accepted, in characters.
pub const SHORTEST: usize = 12;
/// The longest password that is accepted, in characters.
pub const LONGEST: usize = 128;

/// Memory in KiB, passes and lanes: the first of the argon2id settings in OWASP's password storage guide.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);

/// The hash that stands in for an unknown user's. Any hash of the same cost does: it makes an unknown user cost the same
/// time as a known one.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// The memory that is requested for a hash, in blocks of 1 KiB. The GNU C library maps requests above 32 MiB apart and returns
/// them to the system when they are freed. Smaller ones it keeps for each thread that ever hashed. Unused blocks are never
/// touched and take no memory.
const RESERVED_BLOCKS: usize = 36 * 1024;

/// Why a password was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Shorter than [`SHORTEST`].
    #[error("the password is shorter than {SHORTEST} characters: choose a longer one")]
    TooShort,
    /// Longer than [`LONGEST`].
    #[error("the password is longer than {LONGEST} characters: choose a shorter one")]
    TooLong,
    /// It holds a control character: a line break that came along from a file or a terminal.
    #[error("the password holds control characters: type it without line breaks and tabs")]
    ControlCharacter,
    /// Many people choose it, or it is the user's own name.
    #[error("the password is one of those that are tried first: choose four or five unrelated words")]
    Common,
    /// The hash could not be made.
    #[error("the password could not be hashed: the machine may be out of memory")]
    Hashing,
}

/// Checks that the user of this name may set a password.
///
/// # Errors
/// When it is shorter or longer than allowed, holds a control character, or is one that many people choose.
pub fn check(password: &Secret<String>, user: &str) -> Result<(), PasswordError> {
    match password.expose().chars().count() {
        length if length < SHORTEST => Err(PasswordError::TooShort),
        length if length > LONGEST => Err(PasswordError::TooLong),
        _ if password.expose().chars().any(char::is_control) => Err(PasswordError::ControlCharacter),
        _ if common::is_common(password.expose(), user) => Err(PasswordError::Common),
        _ => Ok(()),
    }
}

/// The argon2id hash of a password for the user of this name, in PHC string form. Takes some tens of milliseconds and 19 MiB.
///
/// # Errors
/// When the password may not be set, or hashing failed.
pub fn hash(password: &Secret<String>, user: &str) -> Result<Secret<String>, PasswordError> {
    check(password, user)?;
    let (memory, passes, lanes) = COST;
    let salt = random::<16>();
    let params = Params::new(memory, passes, lanes, None).ok();
    let output = params.and_then(|params| digest(password, &salt, params)).ok_or(PasswordError::Hashing)?;
    let [salt, output] = [salt.as_slice(), &output].map(|bytes| STANDARD_NO_PAD.encode(bytes));
    Ok(Secret::new(format!("$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${output}")))
}

/// A copy of a presented password, kept until it is hashed. A password longer than any user's is replaced by the empty one,
/// which is wrong too. So the input of strangers takes no memory and the same time.
pub fn kept(shown: &Secret<String>) -> Secret<String> {
    let fits = shown.expose().chars().nth(LONGEST).is_none();
    Secret::new(if fits { shown.expose().clone() } else { String::new() })
}

/// Returns true if `hash` was made from `password`. Without a hash (an unknown user) it takes as long and returns false.
pub fn verify(password: &Secret<String>, hash: Option<&Secret<String>>) -> bool {
    let text = hash.map_or(NOBODY, |hash| hash.expose());
    let matches = PasswordHash::new(text).is_ok_and(|parsed| reproduces(password, &parsed));
    matches && hash.is_some()
}

/// A password of 24 characters that carries 120 random bits and can be read aloud.
pub fn generate() -> Secret<String> {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let letters = random::<24>().map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
    Secret::new(letters.chunks(6).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-"))
}

/// Returns true if the parameters and salt of `parsed` yield its output for this password. Only argon2id 1.3 is stored.
fn reproduces(password: &Secret<String>, parsed: &PasswordHash) -> bool {
    let ours =
        parsed.algorithm == Algorithm::Argon2id.ident() && parsed.version == Some(Version::V0x13.into());
    let (Ok(params), Some(salt), Some(stored)) = (Params::try_from(parsed), &parsed.salt, &parsed.hash)
    else {
        return false;
    };
    ours && digest(password, salt, params).is_some_and(|found| found.ct_eq(stored.as_bytes()).into())
}

/// argon2id version 1.3 (RFC 9106), 32 bytes.
fn digest(password: &Secret<String>, salt: &[u8], params: Params) -> Option<[u8; 32]> {
    #[cfg(test)]
    RUNS.set(RUNS.get() + 1);
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let needed = argon2.params().block_count();
    let mut memory: Vec<Block> = Vec::new();
    memory.try_reserve_exact(needed.max(RESERVED_BLOCKS)).ok()?;
    memory.resize(needed, Block::default());
    let mut output = [0; 32];
    let password = password.expose().as_bytes();
    argon2.hash_password_into_with_memory(password, salt, &mut output, &mut memory[..]).ok()?;
    Some(output)
}

#[cfg(test)]
thread_local! {
    /// Number of argon2 runs on this thread.
    static RUNS: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
}

/// Number of argon2 runs on this thread.
#[cfg(test)]
pub(crate) fn runs() -> u32 {
    RUNS.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[test]
    fn a_password_verifies_against_its_own_hash_only() {
        let hash = hash(&secret("correct horse battery"), "admin").unwrap();
        assert!(hash.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(verify(&secret("correct horse battery"), Some(&hash)));
        assert!(!verify(&secret("correct horse batterz"), Some(&hash)));
        assert!(!verify(&secret("correct horse battery"), None));
    }

    #[test]
    fn an_unknown_user_costs_the_same_work() {
        let hash = hash(&secret("correct horse battery"), "admin").unwrap();
        let (known, nobody) = (PasswordHash::new(hash.expose()).unwrap(), PasswordHash::new(NOBODY).unwrap());
        assert_eq!(Params::try_from(&known).unwrap(), Params::try_from(&nobody).unwrap());
        let lengths = |parsed: &PasswordHash| {
            (
                parsed.salt.as_ref().map(|salt| salt.len()),
                parsed.hash.as_ref().map(|hash| hash.as_bytes().len()),
            )
        };
        assert_eq!(lengths(&known), lengths(&nobody));
        assert!(reproduces(&secret("correct horse battery"), &known));
        assert!(!reproduces(&secret("correct horse battery"), &nobody), "it was computed, and is another");
    }

    #[test]
    fn a_hash_that_the_crate_itself_writes_verifies() {
        use argon2::PasswordHasher as _;
        let salt = b"sixteen bytes of";
        let made =
            Argon2::default().hash_password_with_salt(b"correct horse battery", salt).unwrap().to_string();
        let stored = secret(&made);
        assert!(verify(&secret("correct horse battery"), Some(&stored)));
        assert!(!verify(&secret("correct horse batterz"), Some(&stored)));
        for wrong in
            [made.replace("argon2id", "argon2i"), made.replace("v=19", "v=16"), made.replace("t=2", "t=3")]
        {
            assert!(!verify(&secret("correct horse battery"), Some(&secret(&wrong))), "{wrong}");
        }
    }

    #[test]
    fn a_password_that_is_too_long_is_not_kept() {
        let longest = "é".repeat(LONGEST);
        assert_eq!(kept(&secret(&longest)).expose(), &longest);
        let beyond = kept(&secret(&"a".repeat(LONGEST + 1)));
        assert_eq!((beyond.expose().len(), beyond.expose().capacity()), (0, 0));
        assert_eq!(check(&beyond, "admin"), Err(PasswordError::TooShort), "nobody has it");
    }

    #[test]
    fn short_long_and_broken_passwords_are_not_taken() {
        assert_eq!(check(&secret("eleven char"), "admin"), Err(PasswordError::TooShort));
        assert_eq!(check(&secret(&"a".repeat(129)), "admin"), Err(PasswordError::TooLong));
        assert_eq!(check(&secret("twelve\tcharacters"), "admin"), Err(PasswordError::ControlCharacter));
        assert_eq!(check(&secret("administrator1"), "admin"), Err(PasswordError::Common));
    }

    #[test]
    fn generated_passwords_are_long_enough_and_differ() {
        let (one, other) = (generate(), generate());
        assert_eq!(one.expose().len(), 27);
        assert_eq!(check(&one, "admin"), Ok(()));
        assert_ne!(one.expose(), other.expose());
    }
}
