//! File ids that occur more than once in one task.

use std::{
    collections::{HashMap, hash_map::Entry},
    mem,
};

use koodrive_share::MAX_FILE_IDS;

/// Finds duplicates within each task. It holds the ids of one task at a time.
#[derive(Default)]
pub(crate) struct Duplicates {
    /// The line or argument where each id of the task occurs first.
    places: HashMap<String, u64>,
    ids: usize,
    first: Option<String>,
    count: u64,
}

impl Duplicates {
    /// Records the next id. `place_name` is `line` or `argument`.
    pub(crate) fn record(&mut self, id: String, place_name: &str, place: u64) {
        match self.places.entry(id) {
            Entry::Vacant(entry) => {
                entry.insert(place);
            }
            Entry::Occupied(entry) => {
                self.count += 1;
                let (id, before) = (entry.key(), entry.get());
                self.first.get_or_insert_with(|| format!("{id} in {place_name} {place} as in {place_name} {before}"));
            }
        }
        self.ids += 1;
        if self.ids == MAX_FILE_IDS {
            self.ids = 0;
            self.places.clear();
        }
    }

    /// The warning about duplicates that were found since the last one.
    pub(crate) fn take_warning(&mut self) -> Option<String> {
        let first = self.first.take()?;
        let more = match mem::take(&mut self.count) - 1 {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        Some(format!("warning: duplicate file ids are sent as given: {first}{more}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warning(ids: impl IntoIterator<Item = String>) -> Option<String> {
        let mut duplicates = Duplicates::default();
        for (id, place) in ids.into_iter().zip(1..) {
            duplicates.record(id, "line", place);
        }
        let warning = duplicates.take_warning();
        assert_eq!(duplicates.take_warning(), None, "told once");
        warning
    }

    #[test]
    fn duplicates_of_one_task_are_told() {
        let ids = ["F1", "F2", "F1", "F2", "F1"].map(str::to_owned);
        let expected = "warning: duplicate file ids are sent as given: F1 in line 3 as in line 1, and 2 more";
        assert_eq!(warning(ids).as_deref(), Some(expected));
        // The thousandth id is the last one of the first task; the next id belongs to another task.
        let of_two_tasks = |last: usize| (0..last).chain([0]).map(|n| format!("F{n}"));
        assert!(warning(of_two_tasks(999)).is_some());
        assert_eq!(warning(of_two_tasks(1_000)), None);
    }
}
