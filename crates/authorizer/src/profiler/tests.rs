use bursar_store::Stage;

use super::*;

fn times(us: u32) -> StageTimes {
    let mut times = StageTimes::default();
    times.add(Stage::Parse, Duration::from_micros(u64::from(us)));
    times.add(Stage::Commit, Duration::from_micros(u64::from(us) * 2));
    times
}

fn profiler() -> Profiler {
    Profiler::new(Thresholds { warning: Duration::from_millis(50), critical: Duration::from_millis(100) })
}

#[test]
fn every_verdict_is_counted_and_the_stages_sum_to_the_total() {
    let profiler = profiler();
    profiler.record(&times(100), Verdict::Approved, None);
    profiler.record(&times(300), Verdict::Declined(DeclineReason::InsufficientFunds), None);
    profiler.record(&times(200), Verdict::Repeated, None);
    profiler.record(&times(200), Verdict::Unavailable, None);
    for window in profiler.profile().windows {
        assert_eq!((window.count, window.approved, window.declined), (4, 1, 1), "{}", window.window);
        assert_eq!((window.repeated, window.unavailable), (1, 1));
        assert_eq!(window.approval_rate, Some(0.5));
        assert_eq!(window.decline_reasons["insufficient_funds"], 1);
        let total = window.stages.iter().find(|row| row.stage == "total").expect("a row for the total");
        assert_eq!((total.count, total.average_us, total.min_us), (4, 600, 300));
        let parts: u64 =
            window.stages.iter().filter(|row| row.stage != "total").map(|row| row.average_us).sum();
        assert_eq!(parts, total.average_us);
    }
}

#[test]
fn percentiles_are_right_to_two_digits_however_slow() {
    let profiler = profiler();
    for us in 1..=100 {
        profiler.record(&times(us * 1000), Verdict::Approved, None);
    }
    let all = profiler.profile().windows.pop().expect("four windows");
    let total = all.stages.last().expect("a row for the total");
    for (found_us, right_us) in
        [(total.p50_us, 150_000), (total.p95_us, 285_000), (total.p99_us, 297_000), (total.max_us, 300_000)]
    {
        assert!(found_us.abs_diff(right_us) <= right_us / 100, "{found_us} for {right_us}");
    }
}

#[test]
fn slow_authorizations_are_counted_as_warning_and_critical() {
    let profiler = profiler();
    profiler.record(&times(10), Verdict::Approved, None);
    profiler.record(&times(20_000), Verdict::Approved, None);
    profiler.record(&times(40_000), Verdict::Approved, None);
    let all = profiler.profile().windows.pop().expect("four windows");
    assert_eq!((all.over_warning, all.over_critical), (2, 1));
}

#[test]
fn a_slice_that_is_too_old_falls_out_of_its_window() {
    let mut window = Window::new("1m", Duration::from_secs(5), 12);
    let counted = |window: &mut Window, second| window.profile(Duration::from_secs(second)).count;
    window.at(Duration::from_secs(2)).record(&times(1), Verdict::Approved, (false, false));
    window.at(Duration::from_secs(58)).record(&times(1), Verdict::Approved, (false, false));
    assert_eq!(counted(&mut window, 59), 2);
    assert_eq!(counted(&mut window, 61), 1);
    assert_eq!(counted(&mut window, 200), 0);
}
