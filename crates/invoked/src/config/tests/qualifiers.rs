//! `[functions.<name>.qualifiers.<qualifier>]`: limits of versions and aliases.

use invoked_core::lane::Rate;
use invoked_core::name::Qualifier;
use invoked_core::qualifiers::Limits;

use super::*;

#[test]
fn limits_of_qualifiers_are_read_with_bounds_and_names() {
    let function = |rest: &str| format!("[functions.a]\nurl = '{URL}'\n{rest}");
    let text = function(
        "[functions.a.qualifiers.prod]\nconcurrency = 5\nrate = 10\nweight = 3\n\
         [functions.a.qualifiers]\nLATEST = {}",
    );
    let config = Config::load(&given(&text)).unwrap();
    let rate = Some(Rate { per_second: 10 });
    let prod = Limits { concurrency: Some(5), rate, weight: 3 };
    let expected =
        [(Qualifier::LATEST, Limits::default()), (Qualifier::parse("prod").unwrap(), prod)];
    assert_eq!(config.functions[0].change.qualifiers, expected.into());
    let many: String = (0..17).map(|number| format!("{number} = {{}}\n")).collect();
    for (wrong, expected) in [
        ("prod]\nconcurrency = 0", "functions.a.qualifiers.prod.concurrency: must be"),
        ("prod]\nrate = 100001", "functions.a.qualifiers.prod.rate: must be"),
        ("prod]\nweight = 1001", "functions.a.qualifiers.prod.weight: must be"),
        ("prod]\nlimit = 1", "functions.a.qualifiers.prod.limit: is not a key"),
        ("\"a b\"]", "functions.a.qualifiers.a b: qualifier must be letters, digits"),
        ("\"\"]", "functions.a.qualifiers.: a qualifier must be a version"),
    ] {
        let text = problem(&function(&format!("[functions.a.qualifiers.{wrong}")));
        assert!(text.starts_with(expected), "{text}");
    }
    let text = problem(&function(&format!("[functions.a.qualifiers]\n{many}")));
    assert!(text.starts_with("functions.a.qualifiers: may name at most 16"), "{text}");
}
