//! `tls` of a listener: a certificate with its key, or the word that a proxy does it.
//!
//! The files are read here, as those of secrets are, so that a certificate that cannot be served is a
//! problem of the configuration, at the start as well as when it is read again.

use invoked_api::Certificate;

use super::file;
use super::section::Section;
use super::value::{choice, text};

/// Who does TLS.
#[derive(Clone, Debug)]
pub(crate) enum Tls {
    /// Somebody before us.
    Upstream,
    /// We do.
    Own(Certificate),
}

impl Tls {
    /// The key `tls` of a listener's section; `None` if it is not there or wrong.
    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        if section.is_table("tls") {
            return section.section("tls", own).map(Self::Own);
        }
        let upstream = section.optional("tls", |raw| {
            choice(&[("upstream", ())])(raw)
                .map_err(|rule| format!("{rule} or {{ cert = \"PATH\", key = \"PATH\" }}"))
        });
        upstream.map(|()| Self::Upstream)
    }

    /// What we serve, if we do.
    pub(crate) fn certificate(&self) -> Option<&Certificate> {
        match self {
            Self::Own(certificate) => Some(certificate),
            Self::Upstream => None,
        }
    }
}

fn own(section: &mut Section<'_>) -> Option<Certificate> {
    let (chain, key) = (content(section, "cert"), content(section, "key"));
    let problem = |error| section.reading().note(section.path(), format!("{error}"));
    Certificate::from_pem(&chain?, &key?).map_err(problem).ok()
}

fn content(section: &mut Section<'_>, name: &'static str) -> Option<Vec<u8>> {
    let path = section.needed(name, text)?;
    match file::small(&path) {
        Ok(content) => {
            section.reading().note_content(&section.path_of(name), &content);
            Some(content)
        }
        Err(error) => {
            section.reading().note(&section.path_of(name), format!("{path}: {error}"));
            None
        }
    }
}
