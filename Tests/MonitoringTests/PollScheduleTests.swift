import HypersenderAPI
import Testing

@testable import Monitoring

struct PollScheduleTests {
    private let start = Moment(unix: 1_000_000, uptime: .seconds(500))

    /// Seconds from the start of a poll, which lasts one second, to the start of the next.
    private func wait(
        _ schedule: inout PollSchedule, _ outcome: PollSchedule.Outcome, random: Double = 0
    ) -> Double {
        let now = Moment(unix: start.unix + 1, uptime: start.uptime + .seconds(1))
        return (schedule.next(after: outcome, started: start, now: now, random: random) - start.uptime).seconds
    }

    @Test func successesAreAnIntervalApartJitteredOnlyLonger() {
        var schedule = PollSchedule(interval: .seconds(60))
        #expect(wait(&schedule, .success) == 60)
        #expect(abs(wait(&schedule, .success, random: 0.5) - 61.5) < 1e-9)
        #expect((60...63).contains(wait(&schedule, .success, random: 0.999999)))
    }

    @Test(
        arguments: [
            (1.0, [1.0, 2, 4, 8, 10, 10, 10]), (60, [60, 120, 240, 300, 300, 300]), (200, [200, 300, 300]),
            (600, [600, 600, 600]),
        ] as [(Double, [Double])])
    func failuresBackOff(interval: Double, waits: [Double]) {
        for random in [0, 0.5, 0.999999] {
            var schedule = PollSchedule(interval: .seconds(interval))
            for expected in waits {
                let wait = wait(&schedule, .failure(retry: nil), random: random)
                #expect(wait >= expected && wait <= expected * 1.1 + 1e-9)
                #expect(wait >= interval && wait <= max(interval, min(300, interval * 10)) + 1e-9)
            }
        }
    }

    @Test func aSuccessEndsTheBackoff() {
        var schedule = PollSchedule(interval: .seconds(10))
        for _ in 0..<5 {
            _ = wait(&schedule, .failure(retry: nil))
        }
        #expect(wait(&schedule, .success) == 10)
        #expect(wait(&schedule, .failure(retry: nil)) == 10)
    }

    /// The poll ended a second after it began; advice counts from its end.
    @Test(arguments: [
        (RetryAdvice.after(seconds: 120), 121.0), (.after(seconds: 30), 60), (.after(seconds: 1e9), 901),
        (.after(seconds: .infinity), 901), (.at(seconds: 1_000_101), 101), (.at(seconds: 1e18), 901),
    ])
    func adviceOfTheAPIIsKept(advice: RetryAdvice, expected: Double) {
        var schedule = PollSchedule(interval: .seconds(60))
        #expect(wait(&schedule, .failure(retry: advice), random: 0.7) == expected)
    }

    /// It counts instead of the backoff, also where that is longer.
    @Test func adviceTakesThePlaceOfTheBackoff() {
        var schedule = PollSchedule(interval: .seconds(60))
        for _ in 0..<3 {
            _ = wait(&schedule, .failure(retry: nil))
        }
        #expect(wait(&schedule, .failure(retry: .after(seconds: 70))) == 71)
    }

    @Test(arguments: [RetryAdvice.after(seconds: 0), .after(seconds: -3), .at(seconds: 5), .at(seconds: 1_000_001)])
    func aTimeThatHasPassedIsNoAdvice(advice: RetryAdvice) {
        var schedule = PollSchedule(interval: .seconds(60))
        #expect([60, 120, 240].map { _ in wait(&schedule, .failure(retry: advice)) } == [60, 120, 240])
    }

    @Test func theSecondPollIsPutOffOnce() {
        var schedule = PollSchedule(interval: .seconds(60), spread: .seconds(25))
        #expect(wait(&schedule, .failure(retry: nil)) == 60)
        #expect(wait(&schedule, .success) == 85)
        #expect(wait(&schedule, .success) == 60)
    }

    @Test(arguments: [
        (0, 4, 60.0, 180.0, 0.0, 0.0), (1, 4, 60, 180, 0.005, 15), (3, 4, 60, 180, 0.015, 45),
        // First polls are spread over no more than the interval, and no second poll comes after the data is stale.
        (999, 1000, 1, 3, 0.999, 0.999), (1, 2, 60, 90, 0.005, 7.5), (1, 2, 60, 30, 0.005, 0),
    ])
    func accountsAreSpread(
        index: Int, count: Int, interval: Double, staleAfter: Double, delay: Double, spread: Double
    ) {
        let start = PollStart(
            index: index, of: count, interval: .seconds(interval), staleAfter: .seconds(staleAfter))
        #expect(abs(start.delay.seconds - delay) < 1e-9)
        #expect(abs(start.spread.seconds - spread) < 1e-9)
    }
}
