//! `[admin.tokens.<name>]`: who may use the admin API, and how far.

use std::collections::BTreeMap;

use invoked_api::{Rights, Role, Tokens};

use super::section::Section;
use super::value::{choice, flag};

/// Shorter ones can be guessed.
const TOKEN_CHARACTERS_MIN: usize = 16;
/// Each costs every request a hash.
const TOKENS_MAX: usize = 64;
const ROLES: [(&str, Role); 3] =
    [("viewer", Role::Viewer), ("operator", Role::Operator), ("admin", Role::Admin)];

/// The tokens. A table without one is a problem, because it reads as if somebody were kept out.
pub(super) fn read(section: &mut Section<'_>) -> Tokens {
    let is_there = section.has("tokens");
    section.section("tokens", |section| {
        let mut owners = BTreeMap::new();
        let mut count = 0;
        let read = section.named(|name, section| {
            count += 1;
            let role = section.needed("role", choice(&ROLES));
            let payloads = section.optional("payloads", flag);
            let token = section.needed_secret("token")?;
            let path = section.path_of("token");
            if token.reveal().chars().count() < TOKEN_CHARACTERS_MIN {
                let problem = format!("must have at least {TOKEN_CHARACTERS_MIN} characters");
                section.reading().note(&path, problem);
            }
            if let Some(other) = owners.insert(token.reveal().to_owned(), name.to_owned()) {
                section.reading().note(&path, format!("is the same as that of \"{other}\""));
            }
            let rights = Rights::from(role?);
            let rights = Rights { payloads: payloads.unwrap_or(rights.payloads), ..rights };
            Some((name.to_owned(), rights, token))
        });
        if is_there && count == 0 {
            section.reading().note(section.path(), "has no token in it");
        }
        if TOKENS_MAX < count {
            section.reading().note(section.path(), format!("has more than {TOKENS_MAX} tokens"));
        }
        read.into_iter().fold(Tokens::default(), |tokens, (name, rights, token)| {
            tokens.with(&name, rights, token.reveal())
        })
    })
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Sources};

    fn check(toml: &str) -> Result<(String, String), Vec<String>> {
        let sources = Sources { flags: toml.to_owned(), ..Sources::default() };
        match Config::check(&sources) {
            Ok((config, shown)) => {
                Ok((format!("{:?}", config.admin.tokens), shown.table.to_string()))
            }
            Err(problems) => Err(problems.iter().map(ToString::to_string).collect()),
        }
    }

    #[test]
    fn tokens_are_read_with_their_roles_and_never_shown() {
        let (tokens, shown) = check(
            r#"
            [admin]
            listen = "0.0.0.0:7071"
            [admin.tokens.night-shift]
            role = "operator"
            token = "hush-hush-hush-hush"
            [admin.tokens.scraper]
            role = "viewer"
            token = "0123456789abcdef"
            [admin.tokens.support]
            role = "viewer"
            payloads = true
            token = "fedcba9876543210"
            "#,
        )
        .unwrap();
        let rights = |name: &str, role: &str, payloads: bool| {
            format!("\"{name}\": Rights {{ role: {role}, payloads: {payloads} }}")
        };
        let expected = [
            rights("night-shift", "Operator", true),
            rights("scraper", "Viewer", false),
            rights("support", "Viewer", true),
        ];
        assert_eq!(tokens, format!("{{{}}}", expected.join(", ")));
        assert!(!shown.contains("hush") && shown.contains("night-shift"), "{shown}");
    }

    #[test]
    fn what_protects_nothing_is_refused() {
        let token = |name: &str, role: &str, token: &str| {
            format!("[admin.tokens.{name}]\nrole = \"{role}\"\ntoken = \"{token}\"\n")
        };
        let twice =
            token("a", "viewer", "0123456789abcdef") + &token("b", "admin", "0123456789abcdef");
        for (toml, path, says) in [
            (token("a", "viewer", "short"), "admin.tokens.a.token", "16 characters"),
            (token("a", "root", "0123456789abcdef"), "admin.tokens.a.role", "\"operator\""),
            (twice, "admin.tokens.b.token", "same as that of \"a\""),
            ("[admin.tokens]".to_owned(), "admin.tokens", "no token"),
            ("[admin.tokens.a]\nrole = \"viewer\"".to_owned(), "admin.tokens.a.token", "missing"),
            ("[admin]\nlisten = \"0.0.0.0:1\"".to_owned(), "admin.listen", "admin.tokens"),
        ] {
            let problems = check(&toml).unwrap_err();
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert!(problems[0].starts_with(&format!("{path}: ")), "{problems:?}");
            assert!(problems[0].contains(says), "{problems:?}");
        }
    }
}
