//! Scripted rollouts, compared with their checked-in answers in `scenarios/*.txt`. In those files lines
//! that begin with `>` are commands, `#` are remarks, and everything else is the planner's answer;
//! `OTARU_REWRITE_SCENARIOS=1 cargo test --workspace --lib` writes the answers anew.
//!
//! Commands: `campaign STATE deadline=TIME [start=TIME] [continuous=true]`, `wave size=N gate=RATIO [success=RATIO] [reported=RATIO]
//! [within=SECS] [soak=SECS] [healthy=RATIO] [approval=true]`, `sequential acceptable=RATIO intolerable=RATIO
//! [silence=true]`, `threshold wave|finished RATIO MINIMUM`, `counts WAVE STATE=N…`, `earlier WAVE STATE=N…` (attempts that
//! were tried again), `join WAVE N`, `health WAVE HEALTHY UNHEALTHY`, `retries N` (still to come), `approve WAVE TIME`, `command NAME`
//! (as a person gives it), `cancel`, `withdrawals late` (a sweep is sent but not applied), `plan TIME` (only asks) and
//! `run TIME` (asks and carries out, until there is nothing to do).

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, Utc};

use super::{at, now};
use crate::assignment::AssignmentState;
use crate::campaign::CampaignState;
use crate::planner::{Action, CampaignFacts, Plan, Waiting, WaveFacts, plan};
use crate::rollout::{Gate, HaltPolicy, Sequential, Threshold, ThresholdOf, Unmet};

/// More rounds than any campaign needs before it waits.
const MAX_ROUNDS: usize = 20;

#[test]
fn rollouts_go_as_their_scenarios_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tests/scenarios");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 10, "the scenarios are missing");
    for file in files {
        let expected = std::fs::read_to_string(&file).unwrap();
        let played = play(&expected);
        if std::env::var_os("OTARU_REWRITE_SCENARIOS").is_some() {
            std::fs::write(&file, &played).unwrap();
            continue;
        }
        assert!(played == expected, "{} goes another way:\n{played}", file.display());
    }
}

fn play(script: &str) -> String {
    let mut stage = Stage::default();
    let mut played = String::new();
    for line in script.lines().filter(|line| line.is_empty() || line.starts_with(['>', '#'])) {
        played.push_str(line);
        played.push('\n');
        if let Some(command) = line.strip_prefix('>') {
            played.push_str(&stage.obey(command));
        }
    }
    played
}

#[derive(Default)]
struct Stage {
    facts: Option<CampaignFacts>,
    /// Whether what is withdrawn is not applied at once.
    late: bool,
}

impl Stage {
    fn obey(&mut self, line: &str) -> String {
        let words: Vec<&str> = line.split_whitespace().collect();
        let fields: BTreeMap<&str, &str> = words.iter().filter_map(|word| word.split_once('=')).collect();
        let time = |name: &str| -> Option<DateTime<Utc>> { fields.get(name).map(|text| at(text)) };
        match words.as_slice() {
            ["campaign", state, ..] => {
                self.facts = Some(CampaignFacts {
                    state: state.parse().unwrap(),
                    start_at: time("start"),
                    deadline: time("deadline").unwrap(),
                    closing: None,
                    swept: false,
                    continuous: fields.contains_key("continuous"),
                    halt: HaltPolicy::default(),
                    pending_retries: 0,
                    waves: Vec::new(),
                });
            }
            ["wave", ..] => {
                let waves = &mut self.facts().waves;
                let number = u32::try_from(waves.len()).unwrap() + 1;
                waves.push(WaveFacts {
                    number,
                    size: fields["size"].parse().unwrap(),
                    gate_installed_ratio: fields["gate"].parse().unwrap(),
                    gate: gate(&fields),
                    ..WaveFacts::default()
                });
            }
            ["sequential", ..] => {
                let ratio = |name: &str| fields[name].parse().unwrap();
                let (acceptable_ratio, intolerable_ratio) = (ratio("acceptable"), ratio("intolerable"));
                let halt = &mut self.facts().halt;
                halt.sequential = Some(Sequential { acceptable_ratio, intolerable_ratio, alpha: 0.01, beta: 0.01 });
                halt.silence_is_failure = fields.contains_key("silence");
            }
            ["threshold", of, ratio, minimum] => {
                let of = if *of == "wave" { ThresholdOf::Wave } else { ThresholdOf::Finished };
                let (failed_ratio, min_finished) = (ratio.parse().unwrap(), minimum.parse().unwrap());
                self.facts().halt.thresholds.push(Threshold { failed_ratio, of, min_finished });
            }
            ["earlier", number, ..] => {
                let counts = fields.iter().map(|(state, count)| (state.parse().unwrap(), count.parse().unwrap()));
                self.wave(number.parse().unwrap()).earlier = counts.collect();
            }
            ["health", number, healthy, unhealthy] => {
                let wave = self.wave(number.parse().unwrap());
                (wave.healthy, wave.unhealthy) = (healthy.parse().unwrap(), unhealthy.parse().unwrap());
            }
            ["join", number, vehicles] => {
                let (number, vehicles) = (number.parse().unwrap(), vehicles.parse::<u64>().unwrap());
                self.wave(number).size += vehicles;
            }
            ["retries", pending] => self.facts().pending_retries = pending.parse().unwrap(),
            ["approve", number, time] => self.wave(number.parse().unwrap()).approved_at = Some(at(time)),
            ["counts", number, ..] => {
                let counts = fields.iter().map(|(state, count)| (state.parse().unwrap(), count.parse().unwrap()));
                self.wave(number.parse().unwrap()).counts = counts.collect();
            }
            ["command", name] => {
                let state = self.facts().state;
                let command = state.allowed().into_iter().find(|command| command.as_str() == *name);
                let facts = self.facts();
                if state == CampaignState::Halted && *name == "resume" {
                    let halt = facts.halt.clone();
                    facts.waves.iter_mut().for_each(|wave| wave.forgiven = wave.outcomes(&halt));
                }
                facts.state = state.on(command.unwrap()).unwrap();
            }
            ["withdrawals", "late"] => self.late = true,
            ["cancel"] => {
                let facts = self.facts();
                let was_under_way = facts.state.is_under_way();
                facts.state = facts.state.on(crate::campaign::Command::Cancel).unwrap();
                facts.closing = was_under_way.then_some(AssignmentState::Cancelled);
            }
            ["plan", time] => return show(&plan(self.facts(), at(time))),
            ["run", time] => return self.run(at(time)),
            other => panic!("no such command: {other:?}"),
        }
        String::new()
    }

    fn facts(&mut self) -> &mut CampaignFacts {
        self.facts.as_mut().expect("`campaign` comes first")
    }

    fn wave(&mut self, number: u32) -> &mut WaveFacts {
        self.facts().waves.iter_mut().find(|wave| wave.number == number).unwrap()
    }

    fn run(&mut self, now: DateTime<Utc>) -> String {
        let mut shown = String::new();
        for _ in 0..MAX_ROUNDS {
            let plan = plan(self.facts(), now);
            shown.push_str(&show(&plan));
            if plan.actions.is_empty() {
                return shown;
            }
            plan.actions.iter().for_each(|action| self.carry_out(action, now));
        }
        panic!("the planner never comes to rest:\n{shown}");
    }

    /// What the reconciler does, and vehicle-state after it.
    fn carry_out(&mut self, action: &Action, now: DateTime<Utc>) {
        match action {
            Action::Start => self.facts().state = CampaignState::Running,
            Action::Halt { .. } => self.facts().state = CampaignState::Halted,
            Action::NoteGate { number, met } => self.wave(*number).gate_met_at = met.then_some(now),
            Action::OpenWave { number } => {
                let wave = self.wave(*number);
                wave.opened_at = Some(now);
                wave.counts = BTreeMap::from([(AssignmentState::Assigned, wave.size)]);
            }
            Action::Close => self.facts().closing = Some(AssignmentState::TimedOut),
            Action::Sweep => {
                let late = self.late;
                let facts = self.facts();
                let exit = facts.closing.unwrap();
                facts.swept = true;
                for wave in facts.waves.iter_mut().filter(|_| !late) {
                    let ended: u64 = wave.counts.iter().filter(|(state, _)| state.is_terminal()).map(|(_, n)| n).sum();
                    wave.counts.retain(|state, _| state.is_terminal());
                    *wave.counts.entry(exit).or_default() += wave.size - ended;
                }
            }
            Action::Complete => self.facts().state = CampaignState::Completed,
        }
    }
}

fn gate(fields: &BTreeMap<&str, &str>) -> Gate {
    let ratio = |name: &str| fields.get(name).map(|text| text.parse().unwrap());
    let secs = |name: &str| fields.get(name).map(|text| text.parse().unwrap());
    Gate {
        success_ratio: ratio("success"),
        reported_ratio: ratio("reported"),
        report_within_secs: secs("within"),
        soak_secs: secs("soak"),
        healthy_ratio: ratio("healthy"),
        approval: fields.contains_key("approval"),
    }
}

fn show(plan: &Plan) -> String {
    let action = |action: &Action| match action {
        Action::Halt { reason } => format!("Halt: {reason}"),
        other => format!("{other:?}"),
    };
    let actions: Vec<String> = plan.actions.iter().map(action).collect();
    let actions = if actions.is_empty() { "nothing".to_owned() } else { actions.join(", ") };
    format!("does: {actions}\nwaits: {}\n", plan.waiting_on)
}

#[test]
fn what_is_waited_for_has_a_code_for_programs() {
    let waiting = Waiting::Gate {
        wave: 1,
        unmet: Unmet::Installed { ratio: 0.9, size: 10, needed: 9, installed: 3, possible: true },
    };
    let json = serde_json::to_value(&waiting).unwrap();
    assert_eq!((json["code"].as_str(), json["wants"].as_str()), (Some("gate"), Some("installed")));
    assert_eq!(serde_json::from_value::<Waiting>(json).unwrap(), waiting);
}

#[test]
fn the_same_facts_at_the_same_time_give_the_same_plan() {
    let mut stage = Stage::default();
    stage.obey("campaign running deadline=2026-03-09T00:00:00Z");
    stage.obey("wave size=10 gate=0.9");
    assert_eq!(plan(stage.facts(), now()), plan(stage.facts(), now()));
}
