use crate::triage::{Mined, Miner};

fn template(miner: &mut Miner, log: &str) -> String {
    let mined = miner.mine(log).unwrap();
    miner.template(mined.id()).unwrap()
}

#[test]
fn lines_that_differ_in_numbers_and_names_are_one_template() {
    let mut miner = Miner::default();
    for log in [
        "flash: sector 0x1f00 of bank A does not verify",
        "started\nwriting\nflash: sector 0x2e10 of bank B does not verify\n\n",
        "flash: sector 17 of bank left does not verify",
    ] {
        miner.mine(log).unwrap();
    }
    assert_eq!(miner.len(), 1);
    assert_eq!(
        template(&mut miner, "flash: sector 9 of bank A does not verify"),
        "flash: sector <*> of bank <*> does not verify"
    );
}

#[test]
fn other_causes_are_other_templates_and_what_a_template_learned_it_keeps() {
    let mut miner = Miner::default();
    let first = miner.mine("battery voltage 11.2 V is below 12 V").unwrap();
    assert_eq!(first, Mined::New(0));
    assert_eq!(miner.mine("battery voltage 10.9 V is below 12 V"), Some(Mined::Known(0)));
    assert_eq!(miner.mine("no space left on device mmc0"), Some(Mined::New(1)));
    assert_eq!(miner.mine("no space left on volume mmc0"), Some(Mined::Widened(1)));
    assert_eq!(miner.mine("no space left on volume mmc1"), Some(Mined::Known(1)));
    assert_eq!(miner.mine("no space was reserved by anybody"), Some(Mined::New(2)), "as many words, another sense");
    assert_eq!(miner.mine(" \n\t\n"), None);

    let kept: Vec<String> = (0..miner.len()).map(|id| miner.template(id).unwrap()).collect();
    let mut again = Miner::with(kept);
    assert_eq!(again.mine("no space left on disk mmc7"), Some(Mined::Known(1)));
    assert_eq!(template(&mut again, "battery voltage 8 V is below 12 V"), "battery voltage <*> V is below <*> V");
}

#[test]
fn a_log_that_is_made_to_be_long_costs_no_more_than_a_line() {
    let mut miner = Miner::default();
    let id = miner.mine(&"word ".repeat(10_000)).unwrap().id();
    assert!(miner.template(id).unwrap().len() < 64 * 6);
    let id = miner.mine("flash \u{1} failed").unwrap().id();
    let mut again = Miner::with((0..miner.len()).map(|id| miner.template(id).unwrap()));
    assert_eq!(again.mine("flash \u{1} failed"), Some(Mined::Known(id)), "what nobody can see is a word all the same");
    let id = miner.mine(&"x".repeat(16_384)).unwrap().id();
    assert_eq!(miner.template(id).unwrap().len(), 64);
}
