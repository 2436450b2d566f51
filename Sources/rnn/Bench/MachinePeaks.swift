import CRNNPeaks
import RNNKit

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What one core of this machine can do at most, measured by loops that do nothing else. Each is repeated for some
/// milliseconds and the best repetition counts, so that other work on the machine matters little.
struct MachinePeaks {
  /// A cache, or the memory behind them all.
  struct Level {
    var limit: Roofline.Limit
    /// Bytes it holds; nil for memory.
    var capacity: Double?
    /// Bytes read in a nanosecond, which is GB/s.
    var bandwidth: Double
  }

  /// Vectors of 64 bytes in a nanosecond: fused multiply-adds, divisions.
  var multiplyAdds: Double
  var divisions: Double
  /// Nanoseconds until a result can be used: of a multiply-add, an addition, a division, and of an element that is stored
  /// with its vector and loaded into all of another.
  var multiplyAddLatency: Double
  var additionLatency: Double
  var divisionLatency: Double
  var broadcastLatency: Double
  /// L1, L2, L3 and, where the weights do not fit into these, memory.
  var levels: [Level]

  /// - Parameter weights: Bytes that the caches are wanted for.
  init(_ set: InstructionSet, _ precision: Precision, weights: Int) throws(RNNError) {
    guard let found = rnnkit_peaks_named(set.rawValue) else {
      throw RNNError(.defect, "nothing measures the instruction set \(set.rawValue)", remedy: "report it")
    }
    let arithmetic = precision == .float32 ? found.pointee.float32 : found.pointee.float64, chain = 2000
    func latency(_ run: (Int) -> Void) -> Double { Self.best { run(chain) } / Double(chain) }
    // The first work wakes the core up.
    _ = Self.best { arithmetic.multiply_add_chain(chain) }
    var count = arithmetic.multiply_adds(1)
    multiplyAdds = 1 / Self.best { count = arithmetic.multiply_adds(20_000) }
    multiplyAdds *= Double(count)
    divisions = 1 / Self.best { count = arithmetic.divisions(2000) }
    divisions *= Double(count)
    multiplyAddLatency = latency { arithmetic.multiply_add_chain($0) }
    additionLatency = latency { arithmetic.addition_chain($0) }
    divisionLatency = latency { arithmetic.division_chain($0) }
    broadcastLatency = latency { arithmetic.broadcast_chain($0) }

    let sizes = Self.cacheSizes()
    // Well within a cache, and well beyond the one before it.
    var reads = [(Roofline.Limit.l1, Int?(sizes[0]), sizes[0] / 2), (.l2, sizes[1], sizes[1] / 2)]
    if weights > sizes[1] { reads.append((.l3, sizes[2], min(sizes[2] / 2, max(8 << 20, 4 * sizes[1])))) }
    if weights > sizes[2] { reads.append((.memory, nil, 2 * sizes[2])) }
    let largest = reads.map(\.2).max() ?? 0
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: largest, alignment: 2 << 20)
    defer { memory.deallocate() }
    #if os(Linux)
      // Large pages, where the system has them, spare the reading what looking addresses up takes.
      madvise(memory.baseAddress, largest, MADV_HUGEPAGE)
    #endif
    memory.initializeMemory(as: UInt8.self, repeating: 1)
    levels = reads.map { limit, capacity, size in
      let vectors = size / 1024 * 16, times = max(1, (1 << 20) / size)
      let time = Self.best { found.pointee.read(memory.baseAddress, vectors, times) }
      return Level(limit: limit, capacity: capacity.map(Double.init), bandwidth: Double(vectors * 64 * times) / time)
    }
  }

  /// Nanoseconds of the fastest of many repetitions.
  private static func best(_ work: () -> Void) -> Double {
    var best = Double.infinity
    let start = Clock.nanoseconds
    var last = start
    for repetition in 0..<1000 {
      work()
      let now = Clock.nanoseconds
      if repetition > 0 { best = min(best, now - last) }
      last = now
      if repetition >= 5, now - start > 2e7 { break }
    }
    return best
  }

  /// Bytes of a core's first and second cache and of the third, as the system tells; else what is common.
  private static func cacheSizes() -> [Int] {
    var sizes = [32 << 10, 1 << 20, 16 << 20]
    for index in 0..<8 {
      let folder = "/sys/devices/system/cpu/cpu0/cache/index\(index)/"
      guard let level = firstLine(folder + "level").flatMap({ Int($0) }), (1...3).contains(level),
        firstLine(folder + "type") != "Instruction", let size = firstLine(folder + "size"), size.hasSuffix("K"),
        let kilobytes = Int(size.dropLast()), (1...(1 << 22)).contains(kilobytes)
      else { continue }
      sizes[level - 1] = kilobytes << 10
    }
    return sizes
  }

  private static func firstLine(_ path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var buffer = [UInt8](repeating: 0, count: 64)
    let count = read(descriptor, &buffer, buffer.count)
    guard count > 0 else { return nil }
    return String(decoding: buffer[..<count].prefix { $0 != 10 }, as: UTF8.self)
  }
}

/// Time since some moment.
enum Clock {
  static var nanoseconds: Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
  }
}
