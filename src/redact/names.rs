//! Names of fields and parameters, and texts → do they speak of a secret, or look like one?

use super::encoding::decoded;

/// Does the value behind this name give access? Names are read without case, and parts of a name count: where a value that is
/// none is replaced, little is lost.
pub(super) fn names_secret(name: &str) -> bool {
    decoded(name).is_none_or(|name| has_stem(&name) || has_word(&name) || has_last_word(&name))
}

/// Is this a word such as `bearer`, which announces that a secret follows?
pub(super) fn announces_secret(text: &str) -> bool {
    let spaced = spaced(text);
    let mut words = words(&spaced).peekable();
    words.peek().is_some() && words.all(|word| ANNOUNCING.contains(&word))
}

/// May there be a secret in this text: a word that announces one, user information, a JSON Web Token?
pub(super) fn gives_away(text: &str) -> bool {
    decoded(text).is_none_or(|text| text.contains('@') || text.contains(JSON) || mentions_secret(&text))
}

/// `Bearer abc`, `password: abc`: what only alone is a word for a secret has to have something behind it.
fn mentions_secret(text: &str) -> bool {
    let in_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let introduces = [' ', '\t', '=', ':', '"', '\''];
    let mut runs = text.split_inclusive(|c| !in_name(c));
    runs.any(|run| {
        has_stem(run)
            || run.ends_with(introduces) && has_word(run)
            || run.ends_with(INTRODUCES_VALUE) && has_last_word(run)
    })
}

/// Behind the name of a value. `Mac OS X` and `sign in` are none.
const INTRODUCES_VALUE: [char; 4] = ['=', ':', '"', '\''];

/// How `{"` begins in Base64: so does each JSON Web Token. // RFC 7519 §3
const JSON: &str = "eyJ";

/// Are letters and digits so mixed that nobody chose them?
pub(super) fn looks_random(text: &str) -> bool {
    let is_digit = |c: char| c.is_ascii_digit();
    let is_letter = |c: char| c.is_ascii_alphabetic();
    let mut runs = text.split(|c: char| !c.is_ascii_alphanumeric());
    let random = |run: &str| run.len() >= RANDOM && run.contains(is_digit) && run.contains(is_letter);
    let hex = text.chars().filter(char::is_ascii_hexdigit).count();
    runs.any(random) || hex >= UUID && text.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
}

fn has_stem(name: &str) -> bool {
    let plain: String =
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    STEMS.iter().any(|stem| plain.contains(stem))
}

fn has_word(name: &str) -> bool {
    let is_key = |word: &str| word.ends_with("key") && !NO_KEYS.contains(&word);
    words(&spaced(name)).any(|word| is_key(word) || WORDS.contains(&word))
}

fn has_last_word(name: &str) -> bool {
    words(&spaced(name)).last().is_some_and(|word| LAST_WORDS.contains(&word))
}

/// In small letters, with a space where a word ends: `appKey` is two.
fn spaced(name: &str) -> String {
    let mut spaced = String::with_capacity(name.len());
    let mut in_word = false;
    for c in name.chars() {
        if in_word && c.is_ascii_uppercase() {
            spaced.push(' ');
        }
        in_word = c.is_ascii_lowercase();
        spaced.push(c.to_ascii_lowercase());
    }
    spaced
}

fn words(spaced: &str) -> impl Iterator<Item = &str> {
    spaced.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty())
}

/// Parts of names, also inside longer words: `X-CSRFToken`, `oauth_verifier`.
const STEMS: [&str; 21] = [
    "token",
    "secret",
    "passw",
    "passphrase",
    "passcode",
    "apikey",
    "accesskey",
    "privatekey",
    "session",
    "sessid",
    "signature",
    "hmac",
    "credential",
    "creds",
    "auth",
    "jwt",
    "bearer",
    "cookie",
    "ticket",
    "xsrf",
    "pwd",
];

/// Words that mean a secret, or a scheme of credentials, only when they stand alone.
const WORDS: [&str; 16] = [
    "sig",
    "sid",
    "pass",
    "pw",
    "sess",
    "cred",
    "code",
    "pin",
    "otp",
    "totp",
    "csrf",
    "basic",
    "digest",
    "negotiate",
    "ntlm",
    "dpop",
];

/// Words that mean a secret where a name ends: `X-Mac` and `sign`, neither `macOS` nor `sign_in`.
const LAST_WORDS: [&str; 2] = ["mac", "sign"];

/// Words that end like `streamkey`, and open nothing.
const NO_KEYS: [&str; 10] =
    ["monkey", "turkey", "hockey", "donkey", "jockey", "whiskey", "mickey", "lackey", "turnkey", "hotkey"];

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
            "PHPSESSID",
            "appKey",
            "userPwd",
            "%2574oken",
            "PassCode",
            "X-Passcode",
            "x-appkey",
            "STREAMKEY",
            "sign",
            "X-Sign",
            "X-HMAC-SHA256",
            "pw",
            "user_creds",
            "cred",
            "Sess",
            "X-Mac",
            "mac[]",
        ];
        assert!(secret.iter().all(|name| names_secret(name)));
        let other = [
            "Host",
            "Origin",
            "room",
            "keyword",
            "monkey",
            "Turkey",
            "sign_in",
            "design",
            "macOS",
            "X-Bypass-Cache",
            "incredible",
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
            "d41d8cd98f00b204e9800998ecf8427e",
            "123e4567-e89b-12d3-a456-426614174000",
            "abc.Zm9vYmFyMTIzNDU2Nzg5",
        ] {
            assert!(looks_random(text), "{text}");
        }
        for text in
            ["graphql-transport-ws", "v12.stomp", "chat", "2016.serverpush.dash.mpeg.org", "20261121", "a1b2"]
        {
            assert!(!looks_random(text), "{text}");
        }
    }

    #[test]
    fn a_text_gives_away_what_it_announces() {
        for text in [
            "token: abc",
            "x, \"key\": \"abc\"",
            "Basic YWJj",
            "for=1;secret=abc",
            "see eyJhbGciOiJub25lIn0.e30.",
            "http://u:abc@h/",
            "u%2540h",
            "my%20password",
            "a=1, mac=\"abc\"",
            "{\"sign\":\"abc\"}",
        ] {
            assert!(gives_away(text), "{text}");
        }
        for text in [
            "",
            "Mozilla/5.0 (X11; Linux x86_64) Code/1.85.1",
            "permessage-deflate; server_max_window_bits=10",
            "HIT, PASS",
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36",
            "\"macOS\"",
            "please sign in",
            "Wed, 21 Oct 2026 07:28:00 GMT",
            "text/html, */*;q=0.8, 100%",
        ] {
            assert!(!gives_away(text), "{text}");
        }
    }

    #[test]
    fn some_subprotocols_announce_a_credential() {
        assert!(
            ["bearer", "access_token", "Authorization", "accessToken", "X-Api-Key"].map(announces_secret)
                == [true, true, true, true, false]
        );
        assert!(!announces_secret("") && !announces_secret("chat") && !announces_secret("bearer.chat"));
    }
}
