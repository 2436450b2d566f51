import RNNKit

/// What `rnn bench` has found out.
struct BenchResult {
  let file: String
  /// Milliseconds: of reading and checking the file, and of making the plan.
  let loading: Double
  let packing: Double
  let plan: Plan
  let call: Bench.Call?
  let batch: Int
  let steps: Int
  let threads: Int
  let timing: Timing
  let work: Workload
  let peaks: MachinePeaks
  let limits: Roofline

  private static let sampleRate = 44_100.0

  /// In a second, of all sequences.
  private var stepsPerSecond: Double { Double(steps * batch) / timing.median * 1e6 }
  private var gflops: Double { work.flops / timing.median / 1000 }
  private var fraction: Double { limits.bound.time / timing.median }
  /// Seconds of sound that a second suffices for, where each step is a sample.
  private var realTimeFactor: Double? { call == .step ? stepsPerSecond / Double(batch) / Self.sampleRate : nil }
  private var peakGflops: Double { 2 * Double(64 / plan.precision.elementType.byteCount) * peaks.multiplyAdds }

  private var modules: [String] {
    plan.architecture.modules.map { $0.repr(batchFirst: plan.architecture.batchFirst) }
  }

  var document: JSONValue {
    var members: [JSONValue.Member] = [
      .init("file", .string(file.readableFileName)), .init("modules", .array(modules.map(JSONValue.string))),
      .init("load_ms", .number(loading)), .init("pack_ms", .number(packing)),
      .init("precision", .string(plan.precision.rawValue)),
      .init("instruction_set", .string(plan.instructionSet.rawValue)), .init("threads", .integer(Int64(threads))),
      .init("call", .string(call?.rawValue ?? "run")), .init("batch", .integer(Int64(batch))),
      .init("steps", .integer(Int64(steps))), .init("calls", .integer(Int64(timing.calls))),
      .init("samples", .integer(Int64(timing.samples.count))), .init("best_us", .number(timing.best)),
      .init("median_us", .number(timing.median)), .init("p75_us", .number(timing.percentile(75))),
      .init("p95_us", .number(timing.percentile(95))), .init("p99_us", .number(timing.percentile(99))),
      .init("sequence_us", .number(timing.median / Double(batch))), .init("steps_per_second", .number(stepsPerSecond)),
    ]
    if let realTimeFactor { members.append(.init("real_time_factor", .number(realTimeFactor))) }
    members += [
      .init("gflops", .number(gflops)), .init("bound_by", .string(limits.bound.limit.rawValue)),
      .init("bound_us", .number(limits.bound.time)), .init("fraction_of_bound", .number(fraction)),
      .init("limits_us", .object(limits.limits.map { .init($0.limit.rawValue, .number($0.time)) })),
      .init("machine", machine),
    ]
    return .object(members)
  }

  private var machine: JSONValue {
    .object([
      .init("gflops", .number(peakGflops)),
      .init("multiply_add_ns", .number(peaks.multiplyAddLatency)), .init("addition_ns", .number(peaks.additionLatency)),
      .init("division_ns", .number(peaks.divisionLatency)), .init("broadcast_ns", .number(peaks.broadcastLatency)),
      .init("levels", .array(peaks.levels.map { level in
        var members: [JSONValue.Member] = [.init("name", .string(level.limit.rawValue))]
        if let capacity = level.capacity { members.append(.init("bytes", .integer(Int64(capacity)))) }
        return .object(members + [.init("gb_per_second", .number(level.bandwidth))])
      })),
    ])
  }

  var text: String {
    var result = "\(file): \(modules.listed())\n".escapingControlCharacters(except: "\n")
    result += "\(plan.precision.rawValue), \(plan.instructionSet.rawValue), \(threads) thread\(threads == 1 ? "" : "s"); "
    result += "read in \(Self.short(loading)) ms, packed in \(Self.short(packing)) ms\n\n"
    let sequences = "\(grouped(batch)) sequence\(batch == 1 ? "" : "s")"
    switch call {
    case .step: result += "a step of \(sequences)\n"
    case .whole: result += "\(grouped(steps)) steps of \(sequences), with memory made anew\n"
    case nil: result += "\(grouped(steps)) steps of \(sequences)\n"
    }
    var times = Table(right: [1])
    times.add("median", Self.short(timing.median), "µs, of \(grouped(timing.calls)) runs")
    for percent in [75, 95, 99] { times.add("\(percent) %", Self.short(timing.percentile(percent)), "µs") }
    times.add("best", Self.short(timing.best), "µs")
    result += times.text + "\n"

    var rates = Table(right: [1])
    if batch > 1 { rates.add("a sequence", Self.short(timing.median / Double(batch)), "µs") }
    rates.add("steps", Self.short(stepsPerSecond), "a second")
    if let realTimeFactor { rates.add("sound", Self.short(realTimeFactor), "times real time at 44.1 kHz") }
    rates.add("arithmetic", Self.short(gflops), "GFLOP/s of \(Self.short(peakGflops * Double(threads)))")
    result += rates.text + "\n"

    result += "bound by \(Self.words(limits.bound.limit)), which allows no less than \(Self.short(limits.bound.time)) µs:"
    result += " \(Self.short(fraction * 100)) % of that speed\n"
    var table = Table(right: [1])
    for (limit, time) in limits.limits {
      let level = peaks.levels.first { $0.limit == limit }
      table.add(
        limit.rawValue, Self.short(time), level.map { "µs at \(Self.short($0.bandwidth * Double(threads))) GB/s" } ?? "µs")
    }
    return result + table.text
  }

  private static func words(_ limit: Roofline.Limit) -> String {
    switch limit {
    case .arithmetic: "arithmetic"
    case .l1, .l2, .l3: "reading weights from \(limit.rawValue)"
    case .memory: "reading weights from memory"
    case .latency: "the wait of each step for the one before it"
    }
  }

  /// Three digits or more.
  private static func short(_ value: Double) -> String {
    guard value < 1000 else { return grouped(Int(min(value.rounded(), 1e18))) }
    let digits = value >= 100 ? 1 : value >= 10 ? 2 : 3
    let scale = [1.0, 10, 100, 1000][digits]
    let scaled = Int((value * scale).rounded())
    let fraction = String(scaled % Int(scale))
    return "\(scaled / Int(scale))." + String(repeating: "0", count: digits - fraction.count) + fraction
  }
}
