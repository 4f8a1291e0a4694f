//! Whatever happens to the webhooks and to us, the tables end equal to Stripe.
//!
//! A seed draws a history of changes at Stripe, made behind the gateway's back as from its dashboard; how each event is
//! delivered: lost, doubled, late, shuffled, in which API version; and when the processes that work on them die. Then
//! nothing more goes wrong, and everything must be equal. A failing seed is printed, with its history, and replays:
//! `cargo xtask chaos --seeds 1 --seed S`. What happens at Stripe, how it is delivered and when who is to die are drawn
//! each for itself, so that a seed means the same whenever it is drawn, and who happened to be dead already moves nothing.

pub mod delivery;
mod effects;
mod equality;
mod history;
pub mod process;
mod processes;
mod terms;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use rand::SeedableRng;
use rand::rngs::StdRng;
use regex::{Captures, Regex};

use world::World;

/// What is drawn from a seed.
#[derive(Clone, Copy, Debug)]
enum Draws {
    /// What happens at Stripe.
    History,
    /// How an event is delivered.
    Deliveries,
    /// Who dies, and when.
    Deaths,
    /// What a new process does.
    Births,
    /// In which order deliveries come, and to whom.
    Ways,
}

impl Draws {
    /// What is drawn the `number`th time.
    fn stream(self, seed: u64, number: u64) -> StdRng {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&number.to_le_bytes());
        key[16] = self as u8;
        StdRng::from_seed(key)
    }
}

/// Seeds that every run of the tests draws; `cargo xtask chaos` draws any number.
const SEEDS: u64 = 3;

/// A seed that is drawn twice.
const REPLAYED: u64 = 1;

fn number(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is a number, not {text:?}")),
        Err(_) => default,
    }
}

#[test]
fn whatever_happens_to_webhooks_and_workers_the_tables_end_equal_to_stripe() {
    let first = number("TOLLGATE_TEST_CHAOS_SEED", 1);
    let seeds = number("TOLLGATE_TEST_CHAOS_SEEDS", SEEDS);
    let at_once = number("TOLLGATE_TEST_CHAOS_AT_ONCE", 1).clamp(1, seeds.max(1));
    let began = std::time::Instant::now();
    let next = AtomicU64::new(first);
    let total = Mutex::new(world::Summary::default());
    let failed = Mutex::new(Vec::new());
    // A seed waits for its leases most of the time: others are drawn meanwhile.
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= first + seeds || !failed.lock().expect("not poisoned").is_empty() {
                        return;
                    }
                    let history = Arc::new(Mutex::new(Vec::new()));
                    let log = Arc::clone(&history);
                    let drawn = std::thread::Builder::new()
                        .name(format!("seed {seed}"))
                        .spawn(move || run(seed, &log))
                        .expect("a thread starts");
                    match drawn.join() {
                        Ok(summary) => {
                            println!("seed {seed}: {summary}");
                            total.lock().expect("not poisoned").add(&summary);
                        }
                        Err(panic) => {
                            let history = history.lock().expect("nobody panics while they hold it").join("\n  ");
                            let why = panic_message(panic.as_ref());
                            failed.lock().expect("not poisoned").push(format!(
                                "seed {seed}: {why}\n`cargo xtask chaos --seeds 1 --seed {seed}` replays it:\n  {history}"
                            ));
                        }
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().expect("not poisoned");
    assert!(failed.is_empty(), "{} seeds failed:\n{}", failed.len(), failed.join("\n\n"));
    let total = total.into_inner().expect("not poisoned");
    println!("{seeds} seeds in {:.1} s: {total}", began.elapsed().as_secs_f64());
    // One seed alone, replayed, need not have everything.
    let is_anything = seeds < SEEDS || total.kills > 0 && total.lost > 0;
    assert!(total.applied > 0 && is_anything, "the seeds drew nothing: {total}");
}

/// What a thread that panicked said.
fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked without a word")
}

#[test]
fn a_seed_that_fails_says_why() {
    let said = |panics: fn()| {
        let panic = std::thread::spawn(panics).join().expect_err("it panics");
        panic_message(panic.as_ref()).to_owned()
    };
    assert_eq!(said(|| std::panic::resume_unwind(Box::new(format!("{} rows differ", 2)))), "2 rows differ");
    assert_eq!(said(|| std::panic::resume_unwind(Box::new("killed"))), "killed");
    assert_eq!(said(|| std::panic::resume_unwind(Box::new(7))), "it panicked without a word");
}

/// Draws a seed. What happens at Stripe is written into `history` as it happens.
fn run(seed: u64, history: &Arc<Mutex<Vec<String>>>) -> world::Summary {
    let mut world = World::create(seed, Arc::clone(history));
    for _ in 0..history::LENGTH {
        world.change();
        world.deliver();
    }
    world.deliver_the_rest();
    world.end_well()
}

/// Who is dead when, and what is delivered before what, depends on the machine; what happens at Stripe does not. In this seed
/// no customer has two subscriptions, which the gateway would end when it sees both.
#[test]
fn a_seed_draws_the_same_history_again() {
    let history = || {
        let history = Arc::new(Mutex::new(Vec::new()));
        run(number("TOLLGATE_TEST_CHAOS_SEED", REPLAYED), &history);
        history.lock().expect("not poisoned").clone()
    };
    let (first, second) = (history(), history());
    assert!(first.len() >= history::LENGTH, "{first:#?}");
    assert_eq!(by_place(&first), by_place(&second));
}

/// A history whose ids are numbered as they come, and without the seconds since 1970: the sandbox draws ids for what the gateway
/// makes, too, and when it makes it depends on the machine, as does when the history begins.
fn by_place(history: &[String]) -> Vec<String> {
    let id = Regex::new("[a-z]+_[A-Za-z0-9]{14,}").expect("an expression");
    let time = Regex::new("=[0-9]{10}").expect("an expression");
    let mut seen: Vec<String> = Vec::new();
    let number = |found: &Captures<'_>, seen: &mut Vec<String>| {
        let place = seen.iter().position(|it| *it == found[0]).unwrap_or_else(|| {
            seen.push(found[0].to_owned());
            seen.len() - 1
        });
        let (kind, _) = found[0].split_once('_').expect("an id has a kind");
        format!("{kind}_{place}")
    };
    history
        .iter()
        .map(|step| time.replace_all(step, "=a time").into_owned())
        .map(|step| id.replace_all(&step, |found: &Captures<'_>| number(found, &mut seen)).into_owned())
        .collect()
}
