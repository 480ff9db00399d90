//! Measures the cost of a request before it is sent. Run `cargo bench --bench validate` in this folder.

use std::hint::black_box;

use chrono::Utc;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use koodrive_share::{CanonicalRequest, ShareTask, ShareTaskBuilder, TraceId, XDate};

fn file_ids() -> Vec<String> {
    (0..1_000).map(|n| format!("Fk63FCWhcDAga2puvYKRG1oTMjs-{n:05}")).collect()
}

fn builder() -> ShareTaskBuilder {
    ShareTask::package_download("photos.zip").share_id("1689765568237837824").container_id("space")
}

fn share_task(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("1,000 file ids");
    // No id is copied: a task makes as many allocations with 1,000 ids as with one.
    let allocations =
        |ids: Vec<String>| allocation_counter::measure(|| drop(builder().file_ids(ids).build().unwrap())).count_total;
    assert_eq!(allocations(file_ids()), allocations(vec![file_ids().remove(0)]));
    group.bench_function("build a ShareTask", |bencher| {
        let build = |ids| builder().file_ids(ids).build().unwrap();
        bencher.iter_batched(file_ids, build, BatchSize::SmallInput);
    });
    group.bench_function("one pass over the ids", |bencher| {
        let pass = |ids: Vec<String>| {
            black_box(ids.iter().any(String::is_empty));
            ids
        };
        bencher.iter_batched(file_ids, pass, BatchSize::SmallInput);
    });
    group.finish();
}

fn headers(criterion: &mut Criterion) {
    criterion.bench_function("trace id", |bencher| bencher.iter(TraceId::random));
    criterion.bench_function("X-Date", |bencher| {
        bencher.iter(|| XDate::from(Utc::now()).to_string());
    });
    let headers = [
        ("host", "intl.myhuaweicloud-koodrive.com"),
        ("x-date", "20240909T033325Z"),
        ("x-user-id", "1505084218764547200"),
    ];
    let body = serde_json::to_vec(&file_ids()).unwrap();
    let path = "/koodrive/ose/v1/share/tasks";
    criterion.bench_function("string to sign, 36 KB body", |bencher| {
        bencher.iter(|| CanonicalRequest::new("POST", path, &[], &headers, &body).string_to_sign());
    });
}

criterion_group!(benches, share_task, headers);
criterion_main!(benches);
