//! Licence expressions as Cargo manifests have them: `OR`, `AND`, `WITH`, brackets, and the old `/` for `OR`.

/// Whether the expression can be met with licences for which `allowed` says yes. Anything unclear is a no.
pub fn is_satisfied(expression: &str, allowed: &dyn Fn(&str) -> bool) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut parser = Parser { words: &words, allowed };
    parser.any().unwrap_or(false) && parser.words.is_empty()
}

struct Parser<'a> {
    words: &'a [&'a str],
    allowed: &'a dyn Fn(&str) -> bool,
}

impl Parser<'_> {
    fn any(&mut self) -> Option<bool> {
        let mut holds = self.all()?;
        while self.take("OR") {
            holds |= self.all()?;
        }
        Some(holds)
    }

    fn all(&mut self) -> Option<bool> {
        let mut holds = self.one()?;
        while self.take("AND") {
            holds &= self.one()?;
        }
        Some(holds)
    }

    fn one(&mut self) -> Option<bool> {
        if self.take("(") {
            let holds = self.any()?;
            return self.take(")").then_some(holds);
        }
        let (licence, rest) = self.words.split_first()?;
        self.words = rest;
        if self.take("WITH") {
            let (exception, rest) = self.words.split_first()?;
            self.words = rest;
            return Some((self.allowed)(&format!("{licence} WITH {exception}")));
        }
        Some((self.allowed)(licence))
    }

    fn take(&mut self, word: &str) -> bool {
        let there = self.words.first() == Some(&word);
        if there {
            self.words = self.words.get(1..).unwrap_or_default();
        }
        there
    }
}

#[cfg(test)]
mod tests {
    use super::is_satisfied;

    #[test]
    fn expressions_are_met_by_allowed_licences_only() {
        let allowed = |name: &str| ["MIT", "Apache-2.0", "Unicode-3.0"].contains(&name);
        for good in [
            "MIT",
            "MIT/GPL-3.0",
            "GPL-3.0 OR Apache-2.0",
            "(MIT OR GPL-3.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception OR MIT",
        ] {
            assert!(is_satisfied(good, &allowed), "{good}");
        }
        for bad in [
            "",
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "(MIT",
            "MIT OR",
            "MIT Apache-2.0",
            "MIT WITH exception",
            "GPL-3.0 OR MIT AND BSD",
        ] {
            assert!(!is_satisfied(bad, &allowed), "{bad}");
        }
    }
}
