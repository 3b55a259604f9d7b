//! What the pacer pays for each arrival, besides handing it over: drawing its instant and rendering its request.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use proofload_history::Id;
use proofload_scenarios::{Arrivals, Intent, Request};
use std::hint::black_box;
use std::time::Duration;

#[derive(serde::Deserialize)]
struct File {
    arrivals: Arrivals,
}

fn schedules(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("schedule");
    group.throughput(Throughput::Elements(10_000));
    for (name, arrivals) in [
        ("poisson", "{ poisson = '10000/s' }"),
        ("constant", "{ constant = '10000/s' }"),
        ("ramp", "{ ramp = { from = '5000/s', to = '15000/s', over = '1s' } }"),
    ] {
        let file: File = toml::from_str(&format!("arrivals = {arrivals}")).expect("the arrivals are well written");
        group.bench_function(name, |bencher| {
            bencher.iter(|| file.arrivals.schedule(black_box(7), Duration::from_secs(1)).count());
        });
    }
    group.finish();
}

fn requests(criterion: &mut Criterion) {
    let spec = r#"
        method = "POST"
        path = "/v1/applications"
        headers = { Content-Type = "application/json", Idempotency-Key = "{id}" }
        body = '{"id":"{id}","customer":"customer-{integer:1..5000}","product":"{choice:personal|car|home}","amount":{"currency":"EUR","minor_units":{integer:50000..5000000}},"months":{choice:12|24|36|60}}'
        ok = [202]
        timeout = "10s"
    "#;
    let spec = toml::from_str(spec).expect("the request is well written");
    let request = Request::new("submit", &spec).expect("the request means something");
    let mut counter = 0;
    criterion.bench_function("render", |bencher| {
        bencher.iter(|| {
            counter += 1;
            request.render(&Intent::of_arrival(7, Id::issued(7, 1, counter), counter))
        });
    });
}

criterion_group!(benches, schedules, requests);
criterion_main!(benches);
