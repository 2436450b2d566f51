import RNNKit

/// Times of a call that is repeated, in microseconds.
struct Timing {
  /// Of one call each, ascending. A sample may be the mean of several calls, where one is too short for the clock.
  let samples: [Double]
  let callsPerSample: Int

  var calls: Int { samples.count * callsPerSample }
  var best: Double { samples.first ?? 0 }
  var median: Double { percentile(50) }

  /// The sample that `percent` of them do not exceed.
  func percentile(_ percent: Int) -> Double {
    samples.isEmpty ? 0 : samples[max(0, (samples.count * percent + 99) / 100 - 1)]
  }

  /// Repeats calls for about so many seconds, after a tenth as many of warming up; three times at the least.
  ///
  /// - Parameter run: Makes so many calls.
  init(seconds: Double, _ run: (Int) throws -> Void) throws {
    var done = 0
    let start = Clock.nanoseconds
    var elapsed = 0.0, calls = 1
    repeat {
      try run(calls)
      done += calls
      elapsed = Clock.nanoseconds - start
      calls = max(1, done / 10)
    } while elapsed < seconds * 1e8
    let perSample = max(1, Int(1e4 / (elapsed / Double(done))))
    let count = max(3, min(1_000_000, Int(seconds * 1e9 / (elapsed / Double(done)) / Double(perSample))))
    var samples = [Double](repeating: 0, count: count)
    let first = Clock.nanoseconds
    var (last, taken) = (first, 0)
    // The clock is read once a sample. What the warming up expected may have been wrong by far.
    while taken < count, taken < 3 || last - first < seconds * 1.5e9 {
      try run(perSample)
      let now = Clock.nanoseconds
      samples[taken] = (now - last) / 1000 / Double(perSample)
      last = now
      taken += 1
    }
    self.samples = samples[..<taken].sorted()
    callsPerSample = perSample
  }
}
