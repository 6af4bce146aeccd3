//! Destinations whose section is gone: functions that are elsewhere, and those that are here.

use std::collections::BTreeMap;
use std::time::Duration;

use invoked_core::arn::SinkKind;
use invoked_core::lane::Hold;
use invoked_core::name::{FunctionKey, FunctionName, Qualifier};
use invoked_engine::{ConfigChange, DestinationChange, Outside, Reason, Reconfiguration, Removed};

use crate::world::{World, change, defaults};

fn key(function: &str) -> FunctionKey {
    FunctionKey::new("1", FunctionName::parse(function).expect("a name"))
}

async fn tell(world: &World, function: &str, arn: &str) {
    let told = DestinationChange { on_success: Some(arn.to_owned()), on_failure: None };
    let config = ConfigChange { destinations: Some(told), ..ConfigChange::default() };
    let put = world.handle().put_config(&key(function), &Qualifier::LATEST, &config).await;
    put.expect("nothing speaks against it");
}

/// How often a function ran.
fn runs(world: &World, function: &str) -> usize {
    let all = world.functions.executions();
    all.iter().filter(|execution| execution.function.as_str() == function).count()
}

#[tokio::test(start_paused = true)]
async fn only_what_is_not_here_is_held() {
    let world = World::start().await;
    let outside = Outside {
        sinks: BTreeMap::new(),
        removed: Removed::new(|arn| arn.kind() == SinkKind::Fc),
        ..Outside::clone(&world.handle().outside())
    };
    let wanted =
        Reconfiguration { config: defaults(), outside: Some(outside), functions: Vec::new() };
    world.handle().reconfigure(wanted).await.expect("nothing speaks against it");
    tell(&world, "told", "acs:fc:::functions/plain").await;
    tell(&world, "other", "acs:fc:cn-test:1:functions/elsewhere").await;
    world.invoke("told").await;
    let held = world.invoke("other").await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(runs(&world, "plain"), 1, "it is here and needs no section");
    let why = world.handle().why(held).await.expect("an answer").expect("it is owed");
    assert_eq!(why.reason, Reason::Lane(Hold::Unconfigured), "{why:?}");

    world.handle().create_function(key("elsewhere"), change()).await.expect("it is made");
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(runs(&world, "elsewhere"), 1, "it is here now");
}
