//! How well forecasts come true, and how long a rehearsal takes. `ops/bench rehearse` runs it. Prints what it finds; the last
//! line is one JSON object.

use std::time::Instant;

use otaru_domain::rehearsal::{Ending, coverage, one_run};
use otaru_domain::rollout::{HaltPolicy, Policy, Sequential};

const CAMPAIGNS: u32 = 300;
const SEED: u64 = 1_000_000;
const MILLION: u64 = 1_000_000;

fn main() {
    let sequential = Sequential { acceptable_ratio: 0.01, intolerable_ratio: 0.05, alpha: 0.01, beta: 0.01 };
    let halt = HaltPolicy { sequential: Some(sequential), ..HaltPolicy::default() };
    let begin = Instant::now();
    let played = one_run(MILLION, Policy { halt, ..Policy::default() }, 1);
    let million_secs = begin.elapsed().as_secs_f64();
    let how = match played.ending {
        Ending::Complete => "complete",
        Ending::Deadline => "at its deadline",
        Ending::Halted => "halted",
    };
    println!("{MILLION} vehicles, each on its own: {how}, {} installed, in {million_secs:.1} s", played.installed);
    let begin = Instant::now();
    let scored = coverage(CAMPAIGNS, SEED);
    println!(
        "{} held-out campaigns in {:.0} s: the 80 % band held the end of {:.1} % from the start (its width {:.0} % of the time it took), \
         of {:.1} % half way ({:.0} %)",
        scored.campaigns,
        begin.elapsed().as_secs_f64(),
        scored.at_start_ratio * 100.0,
        scored.width_at_start_ratio * 100.0,
        scored.half_way_ratio * 100.0,
        scored.width_half_way_ratio * 100.0,
    );
    println!(
        "{{\"million_secs\": {million_secs:.2}, \"coverage_at_start\": {:.3}, \"coverage_half_way\": {:.3}}}",
        scored.at_start_ratio, scored.half_way_ratio
    );
}
