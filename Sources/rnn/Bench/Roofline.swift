/// The least time that each limit of a machine allows for a workload.
struct Roofline {
  enum Limit: String, CaseIterable {
    case arithmetic
    case l1 = "L1"
    case l2 = "L2"
    case l3 = "L3"
    case memory
    case latency
  }

  /// Microseconds.
  let limits: [(limit: Limit, time: Double)]
  /// The largest: no run is faster.
  let bound: (limit: Limit, time: Double)

  /// - Parameter threads: Cores that share the work, each with first and second caches of its own.
  init(_ work: Workload, _ peaks: MachinePeaks, threads: Int) {
    let threads = Double(threads)
    // A division begins in one of the units that multiply and goes on by itself.
    let arithmetic = max(
      (work.operations + work.divisions) / peaks.multiplyAdds, work.divisions / peaks.divisions)
    var limits = [(Limit.arithmetic, arithmetic / threads)]
    var bytes = work.loads
    for level in peaks.levels {
      limits.append((level.limit, bytes / level.bandwidth / threads))
      guard let capacity = level.capacity else { break }
      bytes = work.readBeyond(level.limit == .l3 ? capacity : capacity * threads)
    }
    limits.append((.latency, work.chains.reduce(0) { $0 + $1.times * $1.path.time(peaks) }))
    self.limits = limits.map { (limit: $0, time: $1 / 1000) }
    bound = self.limits.max { $0.time < $1.time } ?? (.arithmetic, 0)
  }
}
