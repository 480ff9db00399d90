//! How many orders there are of each scenario.

use shuttle::{
    Config, MaxSteps, Runner,
    future::block_on,
    scheduler::{PctScheduler, RandomScheduler},
};

/// Runs a scenario in so many random orders, and in as many where a task goes on until another is preferred, which is what
/// finds rare bugs. A scenario that hangs is a failure.
pub(crate) fn check<F: Future<Output = ()>>(orders: usize, scenario: impl Fn() -> F + Clone + Send + Sync + 'static) {
    let mut config = Config::new();
    config.stack_size = 1 << 19;
    // Of its static variables, which live as long as a schedule.
    config.silence_warnings = true;
    config.max_steps = MaxSteps::FailAfter(100_000);
    let run = move || block_on(scenario());
    Runner::new(RandomScheduler::new(orders), config.clone()).run(run.clone());
    Runner::new(PctScheduler::new(3, orders), config).run(run);
}
