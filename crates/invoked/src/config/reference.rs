//! The reference of the configuration, made from the defaults that are built in, which document every setting.

use super::raw::DEFAULTS;

const HEAD: &str = "\
# Configuration

<!-- Written by `invoked config reference`; a test compares them. -->

Every setting with its default, as `invoked config reference` prints it. What is commented out has no default. An example of
a whole file is `config/example.toml`.
";

/// A page of Markdown: what stands before the first section, then each section under its name.
pub(crate) fn reference() -> String {
    let mut page = HEAD.to_owned();
    let mut section = String::new();
    for line in DEFAULTS.lines() {
        if let Some(name) = name_of_section(line) {
            close(&mut page, &mut section);
            page.push_str(&format!("\n## `{name}`\n"));
        }
        section.push_str(line);
        section.push('\n');
    }
    close(&mut page, &mut section);
    page
}

/// `[server]`, and `# [sinks.mns.<name>]: …`, which has no default.
fn name_of_section(line: &str) -> Option<&str> {
    if line.starts_with('[') {
        return Some(line.trim_matches(['[', ']']));
    }
    let (name, _) = line.strip_prefix("# [")?.split_once("]:")?;
    Some(name)
}

fn close(page: &mut String, section: &mut String) {
    let text = section.trim();
    if !text.is_empty() {
        page.push_str(&format!("\n```toml\n{text}\n```\n"));
    }
    section.clear();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_defaults_is_in_the_reference() {
        let reference = reference();
        let missing = DEFAULTS.lines().find(|line| !reference.contains(line));
        assert_eq!(missing, None);
        assert!(reference.contains("\n## `server`\n\n```toml\n[server]\n"), "{reference}");
        assert!(reference.contains("\n## `sinks.mns.<name>`\n"), "{reference}");
    }
}
