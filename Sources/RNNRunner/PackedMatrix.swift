import CRNNKernels
import RNNModel

/// How the kernels of a plan want weights.
struct Packing {
  let operations: rnnkit_operations
  /// Whether large half-precision weights are kept as they are.
  let keepsHalves: Bool
  /// The product with whole numbers; nil where they are computed with as the reals that they stand for.
  let multiplyInt8: rnnkit_multiply_int8?
}

/// A weight in the order in which the kernels read it. See `rnnkit_matrix`.
struct PackedMatrix {
  var matrix: rnnkit_matrix
  /// Owns what `matrix.weights` points to.
  let memory: AlignedMemory

  init(matrix: rnnkit_matrix, memory: AlignedMemory) {
    self.matrix = matrix
    self.memory = memory
  }

  /// Reals in a row of results where this is the row's only matrix.
  func resultCount(_ precision: Precision) -> Int { matrix.groups * matrix.pitch * precision.lanes }

  /// Bytes as reals from which on half-precision weights are kept as they are: less of them is to be had at each step from
  /// caches far away. Smaller ones are near, and widening them again and again would cost more.
  private static let leastHalves = 1 << 18

  /// Bytes of matrices that are read from the second cache at each step.
  private static let streamed = 1 << 18..<3 << 19

  /// Packs a (rows, inner) weight. `row(group, panel, lane)` names the row that a lane computes, nil for none.
  ///
  /// - Parameters:
  ///   - isRecurrent: Whether all of it is read at each step.
  ///   - isPacked: Whether the last group has two panels only.
  init<R: Real>(
    _ weight: Tensor, as type: R.Type, _ packing: Packing, inner: Int, groups: Int, panels: Int, pitch: Int,
    first: Int = 0, isRecurrent: Bool = false, isPacked: Bool = false,
    quantized: QuantizedWeight? = nil, row: (_ group: Int, _ panel: Int, _ lane: Int) -> Int?
  ) throws(RNNError) {
    if let quantized, let multiply = packing.multiplyInt8 {
      self = try PackedMatrix(
        quantized, multiply, inner: inner, groups: groups, panels: panels, pitch: pitch, first: first, row: row)
      return
    }
    let vectors = try product(groups, panels) - (isPacked ? panels - 2 : 0)
    let count = try product(vectors, inner, R.precision.lanes)
    var kept = RNNKIT_REALS
    if packing.keepsHalves, panels >= 3, !isPacked, count * R.precision.size >= Self.leastHalves {
      if weight.elementType == .float16 { kept = RNNKIT_FLOAT16 }
      if weight.elementType == .bfloat16 { kept = RNNKIT_BFLOAT16 }
    }
    var together = 1
    let isStreamed = isRecurrent && kept == RNNKIT_REALS && Self.streamed.contains(count * R.precision.size)
    if isStreamed {
      let best = packing.operations.together(panels)
      // An even number of them, for two threads.
      if groups % (2 * best) == 0 { together = best }
    }
    if kept == RNNKIT_REALS {
      memory = try AlignedMemory(reals: count, R.precision, inWholePages: isStreamed)
      Self.pack(
        memory.base.assumingMemoryBound(to: type), groups, together, panels, isPacked, inner, R.precision.lanes, row
      ) { row, target in
        weight.copyReals(from: row * inner, count: inner, to: target)
      }
    } else {
      memory = try AlignedMemory(byteCount: count * 2)
      let packed = memory.base.assumingMemoryBound(to: UInt16.self)
      weight.withUnsafeBytes { bytes in
        Self.pack(packed, groups, together, panels, false, inner, R.precision.lanes, row) { row, target in
          UnsafeMutableRawBufferPointer(start: target, count: inner * 2)
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[row * inner * 2..<(row + 1) * inner * 2]))
        }
      }
    }
    matrix = rnnkit_matrix(
      weights: UnsafeRawPointer(memory.base), kept: kept, inner: inner, groups: groups, together: together,
      panels: panels, packed: isPacked, pitch: pitch, first: first, scales: nil, sums: nil, multiply_int8: nil)
  }

  /// Puts rows side by side, a panel of them at a time.
  private static func pack<Element: AdditiveArithmetic>(
    _ packed: UnsafeMutablePointer<Element>, _ groups: Int, _ together: Int, _ panels: Int, _ isPacked: Bool,
    _ inner: Int, _ lanes: Int,
    _ row: (_ group: Int, _ panel: Int, _ lane: Int) -> Int?,
    _ copy: (_ row: Int, _ target: UnsafeMutablePointer<Element>) -> Void
  ) {
    let rows = UnsafeMutablePointer<Element>.allocate(capacity: lanes * inner)
    defer { rows.deallocate() }
    for group in 0..<groups {
      let part = group / together * together
      let count = isPacked && group == groups - 1 ? 2 : panels
      for panel in 0..<count {
        rows.initialize(repeating: .zero, count: lanes * inner)
        for lane in 0..<lanes {
          if let row = row(group, panel, lane) { copy(row, rows + lane * inner) }
        }
        var target = packed + ((part * inner + group - part) * panels + panel) * lanes
        for column in 0..<inner {
          for lane in 0..<lanes { target[lane] = rows[lane * inner + column] }
          target += together * count * lanes
        }
      }
    }
  }

  /// Packs a weight whose results are its rows in order: a linear layer's, a projection's or an RNN's.
  init<R: Real>(
    plain weight: Tensor, as type: R.Type, _ packing: Packing, rows: Int, inner: Int, quantized: QuantizedWeight? = nil
  ) throws(RNNError) {
    let lanes = R.precision.lanes
    let panels = Self.panels(rows: rows, lanes: lanes)
    let groups = (rows + panels * lanes - 1) / (panels * lanes)
    try self.init(
      weight, as: type, packing, inner: inner, groups: groups, panels: panels, pitch: panels, quantized: quantized
    ) { group, panel, lane in
      let row = (group * panels + panel) * lanes + lane
      return row < rows ? row : nil
    }
  }

  /// Packs a narrow linear layer's weight.
  init<R: Real>(narrow weight: Tensor, as type: R.Type, rows: Int, inner: Int) throws(RNNError) {
    let lanes = R.precision.lanes, columns = R.precision.wholeVectors(inner)
    memory = try AlignedMemory(reals: product(columns, rows), R.precision)
    let packed = memory.base.assumingMemoryBound(to: type)
    for row in 0..<rows {
      for first in stride(from: 0, to: inner, by: lanes) {
        weight.copyReals(
          from: row * inner + first, count: min(lanes, inner - first), to: packed + (first * rows + row * lanes))
      }
    }
    matrix = rnnkit_matrix(
      weights: UnsafeRawPointer(memory.base), kept: RNNKIT_REALS, inner: inner, groups: 1, together: 1, panels: rows,
      packed: false, pitch: rows, first: 0, scales: nil, sums: nil, multiply_int8: nil)
  }

  /// How many panels make a group where all rows are alike: as many as possible without much padding.
  private static func panels(rows: Int, lanes: Int) -> Int {
    let vectors = (rows + lanes - 1) / lanes
    guard vectors > Int(RNNKIT_MAXIMUM_PANELS) else { return vectors }
    func padded(_ panels: Int) -> Int { (vectors + panels - 1) / panels * panels }
    return (2...Int(RNNKIT_MAXIMUM_PANELS)).reversed().first { padded($0) * 16 <= vectors * 17 } ?? 4
  }
}
