//! The schedules of a scenario.

use shuttle::{
    Config, MaxSteps, Runner,
    future::block_on,
    scheduler::{PctScheduler, RandomScheduler},
};

/// Runs a scenario in a number of random schedules, and in as many where each task runs until one with a higher
/// priority can run, which finds rare bugs. A scenario that hangs fails.
pub(crate) fn check<F: Future<Output = ()>>(orders: usize, scenario: impl Fn() -> F + Clone + Send + Sync + 'static) {
    let mut config = Config::new();
    config.stack_size = 1 << 19;
    // Shuttle would warn of static variables, which live as long as a schedule.
    config.silence_warnings = true;
    config.max_steps = MaxSteps::FailAfter(100_000);
    let run = move || block_on(scenario());
    Runner::new(RandomScheduler::new(orders), config.clone()).run(run.clone());
    Runner::new(PctScheduler::new(3, orders), config).run(run);
}
