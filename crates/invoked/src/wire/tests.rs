use super::*;
use crate::config::Sources;

const BOTH: &str = "[sinks.fc.default]\nendpoint = \"http://127.0.0.1:1\"\naccess_key_id = \"id\"\n\
                    access_key_secret = \"s\"\n[sinks.mns.default]\nendpoint = \"http://127.0.0.1:2\"\n\
                    access_key_id = \"id\"\naccess_key_secret = \"s\"\n";

fn config(toml: &str) -> Config {
    let sources = Sources { flags: toml.to_owned(), ..Sources::default() };
    Config::load(&sources).unwrap()
}

fn kept(before: &Outside, after: &Outside) -> (bool, bool, bool) {
    let same = |kind: SinkKind| Arc::ptr_eq(&before.sinks[&kind], &after.sinks[&kind]);
    let runtime = Arc::ptr_eq(&before.runtime, &after.runtime);
    (same(SinkKind::Fc), same(SinkKind::Mns), runtime)
}

#[test]
fn what_says_the_same_is_what_it_was_with_its_connections() {
    let config = config(BOTH);
    let before = outside(&config, Vec::new(), None).unwrap();
    let again = |same: &[SinkKind], is_same_http| {
        let same = same.iter().copied().collect();
        let removed = BTreeSet::new();
        let present = Present { outside: &before, same, is_same_http, removed };
        outside(&config, Vec::new(), Some(&present)).unwrap()
    };
    assert_eq!(kept(&before, &again(&[SinkKind::Fc, SinkKind::Mns], true)), (true, true, true));
    assert_eq!(kept(&before, &again(&[SinkKind::Mns], true)), (false, true, true));
    // They reach something else.
    assert_eq!(kept(&before, &again(&[SinkKind::Fc, SinkKind::Mns], false)), (false, false, false));
}
