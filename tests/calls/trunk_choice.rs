//! Which trunk a call takes: channels that are kept free for others, and the cheapest trunk first. What the caller pays stays the same.

use std::collections::HashMap;
use std::sync::Arc;

use tollgate::gate::Costs;
use tollgate::policy::document::Department;
use tollgate::proxy::Kept;

use crate::world::company::price_list;
use crate::world::{Company, World, plays_in};

/// Main has two channels, one of them kept.
fn kept_for(department: Option<&str>) -> Company {
    Company::new().with(|company| {
        let department = department.map(Arc::from);
        company.trunks[0].calls_max = Some(2);
        company.trunks[0].care.kept = vec![Kept { department, channels: 1 }];
        company.document.departments = vec![
            Department { name: "Management".into(), ..Department::default() },
            Department { name: "Board".into(), parent: Some("Management".into()), ..Department::default() },
        ];
        company.person("carol").department = Some("Board".into());
    })
}

/// Somebody's call rings over this trunk, from this second on.
fn rings(second: u64, who: &str, trunk: &str) -> String {
    format!(
        "
        {second}s {who} > INVITE 03023125500
        {second}s {who} < 100
        {second}s ledger < reserve 0.60
        {second}.004s {trunk} < INVITE
        {second}.008s {trunk} > 180
        {second}.008s {who} < 180
        "
    )
}

#[test]
fn a_channel_that_is_kept_for_emergencies_stays_free_for_one() {
    let mut world = World::new(&kept_for(None));
    world.begins(&rings(0, "alice", "main"));
    // Nobody but an emergency gets the second channel, be she in whatever department.
    world.begins(&rings(1, "carol", "backup"));
    world.begins(
        "
        2s lobby > INVITE 112
        2s lobby < 100
        2s main  < INVITE
        2.004s main > 180
        2.004s lobby < 180
        ",
    );
    assert_eq!(world.gate.calls_on_trunk(&"main".into()), 2);
}

#[test]
fn a_channel_that_is_kept_for_a_department_is_its_peoples() {
    let mut world = World::new(&kept_for(Some("Management")));
    world.begins(&rings(0, "alice", "main"));
    world.begins(&rings(1, "bob", "backup"));
    // Carol's department is under it.
    world.begins(&rings(2, "carol", "main"));
    assert_eq!(world.gate.calls_on_trunk(&"main".into()), 2);
}

/// What main and backup charge: backup is cheaper for Berlin, dearer for the rest of the country, and does not say for mobiles.
fn by_cost() -> Company {
    Company::new().with(|company| {
        let main = price_list(&[("49", "0.02", "0", 60, 60)]);
        let backup = price_list(&[
            ("4930", "0.01", "0.02", 60, 60),
            ("49", "0.03", "0", 60, 60),
            ("33", "0.10", "0", 1, 1),
        ]);
        company.costs =
            Arc::new(Costs::new(HashMap::from([("main".into(), main), ("backup".into(), backup)])));
    })
}

fn refused(number: &str, reserve: &str, first: &str, second: &str) -> String {
    format!(
        "
          0 carol > INVITE {number}
          0 carol < 100
          0 ledger < reserve {reserve}
          4 {first} < INVITE
          8 {first} > 503
          8 {first} < ACK
          8 {second} < INVITE
         12 {second} > 486
         12 {second} < ACK
         12 carol < 486
         12 ledger < release declined
        "
    )
}

#[test]
fn the_cheapest_trunk_is_tried_first_and_the_caller_pays_the_tariff() {
    // Three minutes by backup cost 0.05, by main 0.06.
    plays_in(by_cost(), &refused("03023125500", "0.60", "backup", "main"));
    plays_in(by_cost(), &refused("04023125500", "0.12", "main", "backup"));
    // Main has no price for France: it comes last.
    plays_in(by_cost(), &refused("0033123456789", "1.20", "backup", "main"));
    // By priority, where nobody says otherwise.
    plays_in(Company::new(), &refused("03023125500", "0.60", "main", "backup"));
}
