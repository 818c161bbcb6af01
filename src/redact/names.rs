//! Names of fields and parameters, and texts → do they speak of a secret, or look like one?

/// Does the value behind this name give access? Names are read without case, and parts of a name count: where a value that is
/// none is replaced, little is lost.
pub(super) fn names_secret(name: &str) -> bool {
    let plain: String = plain(name).collect();
    STEMS.iter().any(|stem| plain.contains(stem)) || words(name).any(|word| is_one_of(&word, &WORDS))
}

/// Is this a word such as `bearer`, which announces that a secret follows?
pub(super) fn announces_secret(text: &str) -> bool {
    let mut words = words(text).peekable();
    words.peek().is_some() && words.all(|word| is_one_of(&word, &ANNOUNCING))
}

/// Is this a JSON Web Token (RFC 7519 §3), or letters and digits so mixed that nobody chose them?
pub(super) fn looks_secret(text: &str) -> bool {
    is_json_web_token(text) || looks_random(text)
}

/// `eyJ` is how `{"` begins in Base64.
pub(super) fn is_json_web_token(text: &str) -> bool {
    text.starts_with("eyJ") && text.matches('.').count() >= 2
}

fn looks_random(text: &str) -> bool {
    let is_digit = |c: char| c.is_ascii_digit();
    let is_letter = |c: char| c.is_ascii_alphabetic();
    let runs = text.split(|c: char| !c.is_ascii_alphanumeric());
    let random = |run: &str| run.len() >= RANDOM && run.contains(is_digit) && run.contains(is_letter);
    let hex = text.chars().filter(char::is_ascii_hexdigit).count();
    runs.into_iter().any(random) || hex >= UUID && text.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
}

fn is_one_of(word: &str, list: &[&str]) -> bool {
    list.contains(&word)
}

fn plain(name: &str) -> impl Iterator<Item = char> {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase())
}

fn words(name: &str) -> impl Iterator<Item = String> {
    let parts = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    parts.map(str::to_ascii_lowercase)
}

/// Parts of names, also inside longer words: `X-CSRFToken`, `oauth_verifier`.
const STEMS: [&str; 16] = [
    "token",
    "secret",
    "passw",
    "passphrase",
    "apikey",
    "accesskey",
    "privatekey",
    "session",
    "signature",
    "credential",
    "auth",
    "jwt",
    "bearer",
    "cookie",
    "ticket",
    "xsrf",
];

/// Words that mean a secret only when they stand alone.
const WORDS: [&str; 9] = ["key", "sig", "sid", "pwd", "pass", "code", "pin", "otp", "csrf"];

/// What a subprotocol is called that comes before one that is a credential.
const ANNOUNCING: [&str; 20] = [
    "bearer",
    "token",
    "access",
    "auth",
    "authorization",
    "authenticate",
    "authentication",
    "jwt",
    "api",
    "key",
    "apikey",
    "session",
    "id",
    "ticket",
    "password",
    "credential",
    "credentials",
    "cookie",
    "basic",
    "secret",
];

/// Letters and digits in a row: longer than words, versions and dates.
const RANDOM: usize = 16;

/// Digits of a UUID.
const UUID: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_known_in_any_spelling() {
        let secret = [
            "X-Api-Key",
            "x-auth-token",
            "X-Amz-Security-Token",
            "access_token",
            "apiKey",
            "SIG",
            "X-Amz-Signature",
            "session_id",
            "sid",
            "JWT",
            "password",
            "user.passwd",
            "X-CSRF-Token",
            "ticket",
            "code",
            "PHPSESSID_token",
        ];
        assert!(secret.iter().all(|name| names_secret(name)));
        let other = [
            "Host",
            "Origin",
            "room",
            "keyword",
            "monkey",
            "Keep-Alive",
            "User-Agent",
            "decode",
            "pinned",
            "x",
        ];
        assert!(other.iter().all(|name| !names_secret(name)));
    }

    #[test]
    fn what_nobody_chose_is_known() {
        for text in [
            "eyJhbGciOiJub25lIn0.e30.",
            "d41d8cd98f00b204e9800998ecf8427e",
            "123e4567-e89b-12d3-a456-426614174000",
            "abc.Zm9vYmFyMTIzNDU2Nzg5",
        ] {
            assert!(looks_secret(text), "{text}");
        }
        for text in
            ["graphql-transport-ws", "v12.stomp", "chat", "2016.serverpush.dash.mpeg.org", "20261121", "a1b2"]
        {
            assert!(!looks_secret(text), "{text}");
        }
    }

    #[test]
    fn some_subprotocols_announce_a_credential() {
        assert!(
            ["bearer", "access_token", "Authorization", "X-Api-Key"].map(announces_secret)
                == [true, true, true, false]
        );
        assert!(!announces_secret("") && !announces_secret("chat") && !announces_secret("bearer.chat"));
    }
}
