//! The few flags of these commands, read by hand: `--name` and `--name value`, nothing else.

use anyhow::{Context as _, Result, bail};

pub struct Options {
    words: Vec<String>,
}

impl Options {
    pub fn new(words: &[String]) -> Self {
        Self { words: words.to_vec() }
    }

    /// Takes `flag` out of the words; whether it was there.
    pub fn flag(&mut self, flag: &str) -> bool {
        let before = self.words.len();
        self.words.retain(|word| word != flag);
        self.words.len() < before
    }

    /// Takes `flag N` out of the words.
    pub fn number(&mut self, flag: &str) -> Result<Option<u64>> {
        let Some(index) = self.words.iter().position(|word| word == flag) else { return Ok(None) };
        self.words.remove(index);
        if index == self.words.len() {
            bail!("{flag} needs a number");
        }
        let value = self.words.remove(index);
        value.parse().map(Some).with_context(|| format!("{flag} needs a number, not {value:?}"))
    }

    /// Whatever was not taken, for a program that reads it itself.
    pub fn rest(self) -> Vec<String> {
        self.words
    }

    /// Refuses whatever was not taken.
    pub fn finish(self) -> Result<()> {
        if self.words.is_empty() {
            Ok(())
        } else {
            bail!("unknown words: {}", self.words.join(" "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Options;

    fn options(line: &str) -> Options {
        Options::new(&line.split_whitespace().map(String::from).collect::<Vec<_>>())
    }

    #[test]
    fn a_flag_is_taken_with_its_number() {
        let mut options = options("--rounds 7 --quick");
        assert_eq!(options.number("--rounds").unwrap(), Some(7));
        assert_eq!(options.number("--seeds").unwrap(), None);
        assert_eq!(options.rest(), ["--quick"]);
    }

    #[test]
    fn a_flag_without_a_number_is_there_or_not() {
        let mut options = options("--check");
        assert!(options.flag("--check"));
        assert!(!options.flag("--check"));
        assert!(options.finish().is_ok());
    }

    #[test]
    fn what_nobody_took_is_refused() {
        assert!(options("--rouns 7").finish().unwrap_err().to_string().contains("--rouns"));
        assert!(options("--rounds").number("--rounds").is_err());
        assert!(options("--rounds many").number("--rounds").is_err());
    }
}
