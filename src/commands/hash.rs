//! `smpp-bridge hash`: what the configuration may hold in the place of a secret that clients show.

use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::process::ExitCode;

use crate::config::{SecretHash, SlowHash};

/// As long as a secret may be, and a line end.
const INPUT_OCTETS_MAX: u64 = 4098;

/// 128 bits at six a character. A shorter secret can be found by trying, given its SHA-256.
const TOKEN_OCTETS_MIN: usize = 22;

/// Reads one line from standard input and prints its hash.
pub fn hash(password: bool) -> ExitCode {
    let input = io::stdin();
    if input.is_terminal() {
        eprintln!("Type the secret and press Enter:");
    }
    let hashed = read_line(&mut input.lock()).and_then(|secret| match password {
        true => of_password(&secret),
        false => of_token(&secret),
    });
    match hashed {
        Ok(hash) => {
            let _ = writeln!(io::stdout(), "{hash}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("smpp-bridge hash: {why}");
            ExitCode::FAILURE
        }
    }
}

/// For `token_sha256` and `api_key_sha256`.
pub fn of_token(secret: &str) -> Result<String, String> {
    if secret.len() < TOKEN_OCTETS_MIN {
        return Err(format!(
            "a token of fewer than {TOKEN_OCTETS_MIN} characters could be found by trying; \
             `openssl rand -hex 32` makes a good one, and --password hashes a password"
        ));
    }
    let digest = SecretHash::of(secret);
    Ok(digest
        .digest()
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect())
}

/// For `password_hash`.
pub fn of_password(secret: &str) -> Result<String, String> {
    SlowHash::of(secret.as_bytes()).ok_or_else(|| "the system gives no random numbers".into())
}

fn read_line(input: &mut dyn BufRead) -> Result<String, String> {
    let mut line = String::new();
    let read = input.take(INPUT_OCTETS_MAX + 1).read_line(&mut line);
    read.map_err(|e| format!("standard input cannot be read: {e}"))?;
    let secret = line.trim_end_matches(['\r', '\n']);
    if secret.is_empty() {
        return Err("standard input holds no secret".into());
    }
    if secret.len() as u64 > INPUT_OCTETS_MAX - 2 {
        return Err("the secret is too long".into());
    }
    if secret.chars().any(char::is_control) {
        return Err("the secret contains control characters".into());
    }
    Ok(secret.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_is_read_without_its_end() {
        let read = |text: &str| read_line(&mut text.as_bytes());
        assert_eq!(read("se cret\r\nmore\n").unwrap(), "se cret");
        assert_eq!(read("secret").unwrap(), "secret");
        assert_eq!(
            read(&format!("{}\r\n", "x".repeat(4096))).unwrap().len(),
            4096
        );
        for odd in ["", "\n", "a\tb\n", &"x".repeat(4097), &"x".repeat(9999)] {
            assert!(read(odd).is_err());
        }
    }

    #[test]
    fn a_token_that_could_be_guessed_is_not_hashed() {
        assert!(of_token(&"x".repeat(21)).is_err());
        // As `sha256sum` has it.
        assert_eq!(
            of_token("0123456789abcdef0123456789abcdef").unwrap(),
            "3eb1bd439947eb762998e566ccc2e099c791118b2f40579cc4f7da2b5061b7f9"
        );
    }
}
