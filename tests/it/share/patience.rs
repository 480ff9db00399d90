//! Calls with and without patience while the service throttles or is unavailable: opening, listing and polling.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::TryStreamExt;
use koodrive_share::{Client, Error, Outcome, ShareFile};
use koodrive_share_emulator::{Answer, EmulatedShare, Emulator, Fault, Throttle};
use tokio::time::Instant;

use crate::support::{
    fixtures::{SHARE, client, dump, strict_emulator},
    share::{link, with_share},
};

const MINUTE: Duration = Duration::from_secs(60);

type Pauses = Arc<Mutex<Vec<Duration>>>;

/// Returns a patient client, and the list of its pauses.
fn patient(emulator: &Emulator, patience: Duration) -> (Client, Pauses) {
    let pauses = Pauses::default();
    let told = pauses.clone();
    let client = client(emulator).with_patience(patience, move |pause, error| {
        assert!(error.is_retryable(), "{error}");
        told.lock().unwrap().push(pause);
    });
    (client, pauses)
}

/// Starts an emulator with a share of 50 files, which accepts this number of calls per minute.
async fn throttled(calls: u32, retry_after: bool) -> Emulator {
    let throttle = Throttle::new(calls, MINUTE).retry_after(retry_after);
    let share = EmulatedShare::new(EmulatedShare::EXAMPLE).files(50);
    strict_emulator().share(share).throttle(throttle).start().await.unwrap()
}

/// Opens the share and lists its files in pages of 10.
async fn listed(client: &Client) -> Result<Vec<ShareFile>, Error> {
    let share = client.open_share(&link(), None).await?;
    share.files().page_size(10).into_stream().try_collect().await
}

/// Makes one call fail, which has three attempts.
fn fail(emulator: &Emulator, fault: &Fault) {
    for _ in 0..3 {
        emulator.fail_next(fault.clone());
    }
}

#[tokio::test(start_paused = true)]
async fn patient_listing_outlasts_each_window_and_tells_every_file_once() {
    for retry_after in [false, true] {
        let emulator = throttled(2, retry_after).await;
        let (patient, pauses) = patient(&emulator, 10 * MINUTE);
        let started = Instant::now();
        let files = listed(&patient).await.unwrap();
        let mut ids: Vec<_> = files.iter().map(|file| &*file.id).collect();
        ids.dedup();
        assert_eq!(ids.len(), 50);
        // Of 7 calls, 2 pass in each window. Patience begins anew after each call that succeeds.
        assert!(started.elapsed() >= 3 * MINUTE, "{:?}", started.elapsed());
        assert!(pauses.lock().unwrap().len() >= 3, "{pauses:?}");
    }
    let impatient = listed(&client(&throttled(2, false).await)).await.unwrap_err();
    assert!(impatient.is_throttled(), "{impatient}");
}

#[tokio::test(start_paused = true)]
async fn each_call_has_its_own_patience_which_ends() {
    let emulator = throttled(0, false).await;
    let (patient, pauses) = patient(&emulator, MINUTE);
    for _ in 0..2 {
        let started = Instant::now();
        assert!(listed(&patient).await.unwrap_err().is_throttled());
        assert!((MINUTE..2 * MINUTE).contains(&started.elapsed()), "{:?}", started.elapsed());
    }
    assert!(pauses.lock().unwrap().len() >= 8, "{pauses:?}");
    for (emulator, patience) in [(emulator, Duration::ZERO), (throttled(0, true).await, MINUTE / 2)] {
        let (patient, pauses) = self::patient(&emulator, patience);
        assert!(listed(&patient).await.unwrap_err().is_throttled());
        assert!(pauses.lock().unwrap().is_empty(), "{pauses:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn service_that_is_away_is_waited_for_once_it_has_replied() {
    let emulator = with_share(EmulatedShare::new(EmulatedShare::EXAMPLE).files(50)).await;
    for fault in [Fault::CloseAfterProcessing, Fault::Reply(Answer::new(503))] {
        let (patient, pauses) = patient(&emulator, MINUTE);
        fail(&emulator, &fault);
        assert_eq!(listed(&patient).await.unwrap_err().outcome(), Outcome::Unknown);
        let share = patient.open_share(&link(), None).await.unwrap();
        assert!(pauses.lock().unwrap().is_empty(), "{pauses:?}");
        fail(&emulator, &fault);
        let files: Vec<_> = share.files().into_stream().try_collect().await.unwrap();
        assert_eq!((files.len(), pauses.lock().unwrap().len()), (50, 1));
        emulator.fail_next(Fault::Reply(Answer::service(400, "13000410", "no")));
        assert!(listed(&patient).await.unwrap_err().is_access_refused());
    }
}

#[tokio::test(start_paused = true)]
async fn poller_of_a_patient_client_outlasts_failures_that_end_another_poller() {
    let emulator = strict_emulator().start().await.unwrap();
    let handle = client(&emulator).create(&dump().build().unwrap()).await.unwrap();
    // More than five polls fail.
    for fault in [Fault::Reply(Answer::service(429, "APIGW.0308", "slower")), Fault::CloseAfterProcessing] {
        let (patient, pauses) = patient(&emulator, 10 * MINUTE);
        patient.status(&handle).await.unwrap();
        (0..6).for_each(|_| fail(&emulator, &fault));
        assert!(patient.wait(&handle).await.unwrap().is_success());
        assert_eq!((pauses.lock().unwrap().len(), emulator.faults_left()), (6, 0), "{fault:?}");
        (0..6).for_each(|_| fail(&emulator, &fault));
        assert_eq!(client(&emulator).wait(&handle).await.unwrap_err().polls(), 6);
    }
}

#[tokio::test(start_paused = true)]
async fn poller_of_a_patient_client_ends_in_time() {
    let emulator = throttled(0, false).await;
    let (patient, pauses) = patient(&emulator, 10 * MINUTE);
    for timeout in [MINUTE, Duration::ZERO] {
        let error = patient.poller(patient.handle("1", SHARE)).timeout(timeout).until_done().await.unwrap_err();
        assert!(error.error().unwrap().is_throttled(), "{error:?}");
        assert!((timeout..timeout + MINUTE / 4).contains(&error.elapsed()), "{error:?}");
        assert!(pauses.lock().unwrap().drain(..).next().is_some() != timeout.is_zero());
    }
}

#[tokio::test(start_paused = true)]
async fn creations_of_a_patient_client_are_not_repeated() {
    let emulator = throttled(0, false).await;
    let (patient, pauses) = patient(&emulator, 10 * MINUTE);
    assert!(patient.create(&dump().build().unwrap()).await.unwrap_err().is_throttled());
    assert!(pauses.lock().unwrap().is_empty(), "{pauses:?}");
    assert!(patient.status(&patient.handle("1", SHARE)).await.is_err());
    assert!(!pauses.lock().unwrap().is_empty());
}
