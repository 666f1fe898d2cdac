//! Passwords: argon2id (RFC 9106) with the parameters OWASP recommends.

use argon2::{Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version};

use crate::id::random;
use crate::secret::Secret;

/// The shortest password that is accepted, in characters.
pub const SHORTEST: usize = 12;
/// The longest password that is accepted, in characters.
pub const LONGEST: usize = 128;

/// Memory in KiB, passes and lanes: the first of the argon2id settings in OWASP's password storage guide.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);

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
    /// The hash could not be made.
    #[error("the password could not be hashed: the machine may be out of memory")]
    Hashing,
}

/// Whether a password may be set at all.
///
/// # Errors
/// When it is shorter or longer than allowed, or holds a control character.
pub fn check(password: &Secret<String>) -> Result<(), PasswordError> {
    match password.expose().chars().count() {
        length if length < SHORTEST => Err(PasswordError::TooShort),
        length if length > LONGEST => Err(PasswordError::TooLong),
        _ if password.expose().chars().any(char::is_control) => Err(PasswordError::ControlCharacter),
        _ => Ok(()),
    }
}

/// The argon2id hash of a password, in PHC string form. Takes some tens of milliseconds and 19 MiB.
///
/// # Errors
/// When the password may not be set, or hashing failed.
pub fn hash(password: &Secret<String>) -> Result<Secret<String>, PasswordError> {
    check(password)?;
    let hash = argon2()
        .and_then(|argon2| argon2.hash_password_with_salt(password.expose().as_bytes(), &random::<16>()).ok())
        .ok_or(PasswordError::Hashing)?;
    Ok(Secret::new(hash.to_string()))
}

/// Whether `password` is the one that `hash` was made from. For no hash (an unknown user) it takes as long, and fails.
pub fn verify(password: &Secret<String>, hash: Option<&Secret<String>>) -> bool {
    // Any well-formed hash does: its only use is to cost an unknown user the same time as a known one.
    const NOBODY: &str =
        "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let text = hash.map_or(NOBODY, |hash| hash.expose());
    let matches = match (PasswordHash::new(text), argon2()) {
        (Ok(parsed), Some(argon2)) => argon2.verify_password(password.expose().as_bytes(), &parsed).is_ok(),
        _ => false,
    };
    matches && hash.is_some()
}

/// A password of 24 characters that carries 120 random bits and can be read aloud.
pub fn generate() -> Secret<String> {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let letters = random::<24>().map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
    Secret::new(letters.chunks(6).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-"))
}

fn argon2() -> Option<Argon2<'static>> {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None).ok()?;
    Some(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[test]
    fn a_password_verifies_against_its_own_hash_only() {
        let hash = hash(&secret("correct horse battery")).unwrap();
        assert!(hash.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(verify(&secret("correct horse battery"), Some(&hash)));
        assert!(!verify(&secret("correct horse batterz"), Some(&hash)));
        assert!(!verify(&secret("correct horse battery"), None));
    }

    #[test]
    fn short_long_and_broken_passwords_are_not_taken() {
        assert_eq!(check(&secret("eleven char")), Err(PasswordError::TooShort));
        assert_eq!(check(&secret(&"a".repeat(129))), Err(PasswordError::TooLong));
        assert_eq!(check(&secret("twelve\tcharacters")), Err(PasswordError::ControlCharacter));
    }

    #[test]
    fn generated_passwords_are_long_enough_and_differ() {
        let (one, other) = (generate(), generate());
        assert_eq!(one.expose().len(), 27);
        assert_eq!(check(&one), Ok(()));
        assert_ne!(one.expose(), other.expose());
    }
}
