import CRNNKernels
import RNNModel

/// A pool, a join or a convolution over time. Unchecked, as nothing is written after it is made.
final class WindowStage: @unchecked Sendable {
  enum Kind {
    case function(WindowFunction)
    case convolution(Convolution)
  }

  /// The weights of some of a convolution's channels.
  struct Group {
    let matrix: UnsafeMutablePointer<rnnkit_matrix>
    let bias: AlignedMemory
    /// Reals in a row of results.
    let count: Int
    let memory: AlignedMemory
  }

  let kind: Kind
  let window: TimeWindow
  /// Features of a step that it takes, and that it gives.
  let features: Int
  let results: Int
  /// For each tap of each position that a convolution gives, the position that it takes, less than 0 for padding; nil where a
  /// step is one position.
  let taken: [Int]?
  /// One, or as many as the convolution has; none of a pool.
  let groups: [Group]

  init(_ window: TimeWindow, _ function: WindowFunction, features: Int) {
    (self.window, self.features, kind, groups, taken) = (window, features, .function(function), [], nil)
    results = function == .join ? features * window.size : features
  }

  /// Packs a weight of (out, in / groups, sizes) with its columns in the order in which a window's steps are in memory.
  init<R: Real>(
    _ model: Model, _ module: Convolution, features: Int, as type: R.Type, _ packing: Packing
  ) throws(RNNError) {
    guard let weight = model.tensor(module.name, "weight") else {
      throw RNNError(.defect, place: "tensor \(Model.join(module.name, "weight"))", "missing from the model")
    }
    var groups: [Group] = []
    for group in 0..<module.groups {
      groups.append(try Self.group(group, of: module, weight, model.tensor(module.name, "bias"), as: type, packing))
    }
    (window, self.features, kind, self.groups) = (module.window, features, .convolution(module), groups)
    guard let results = module.outputSize(of: features) else {
      throw RNNError(.defect, place: "module \(module.name)", "\(features) features, which it does not take")
    }
    self.results = results
    taken = module.across.map { Self.taken($0, of: features / module.inChannels, results / module.outChannels, module.padding) }
  }

  private static func taken(_ window: TimeWindow, of positions: Int, _ count: Int, _ padding: Convolution.Padding) -> [Int] {
    (0..<count * window.size).map { index in
      let position = index / window.size * window.stride + index % window.size * window.dilation - window.before
      guard !(0..<positions).contains(position) else { return position }
      return switch padding {
      case .zeros: -1
      case .replicate: position < 0 ? 0 : positions - 1
      case .circular: position < 0 ? position + positions : position - positions
      case .reflect: position < 0 ? -position : 2 * (positions - 1) - position
      }
    }
  }

  private static func group<R: Real>(
    _ group: Int, of module: Convolution, _ weight: Tensor, _ bias: Tensor?, as type: R.Type, _ packing: Packing
  ) throws(RNNError) -> Group {
    let steps = module.window.size, positions = module.across?.size ?? 1
    let size = try product(steps, positions), channels = module.inChannels / module.groups, rows = module.outChannels / module.groups
    let inner = try product(size, channels)
    // A kernel's places, with time first, in the order in which the weight has them.
    let places = (0..<size).map { module.isTimeLast ? $0 % positions * steps + $0 / positions : $0 }
    let given = try AlignedMemory(reals: inner, R.precision)
    let numbers = given.base.assumingMemoryBound(to: type)
    guard let shape = Shape([rows, inner]), let turned = Tensor(R.precision.elementType, shape, fill: { bytes in
      let target = bytes.assumingMemoryBound(to: R.self)
      for row in 0..<rows {
        weight.copyReals(from: (group * rows + row) * inner, count: inner, to: numbers)
        for channel in 0..<channels {
          for tap in 0..<size { target[row * inner + tap * channels + channel] = numbers[channel * size + places[tap]] }
        }
      }
    }) else {
      throw RNNError(.defect, place: "module \(module.name)", "weights that no tensor holds")
    }
    let packed = try PackedMatrix(plain: turned, as: type, packing, rows: rows, inner: inner)
    let count = packed.resultCount(R.precision)
    let start = try AlignedMemory(reals: count, R.precision)
    if module.bias { bias?.copyReals(from: group * rows, count: rows, to: start.base.assumingMemoryBound(to: type)) }
    let matrix = UnsafeMutablePointer<rnnkit_matrix>.allocate(capacity: 1)
    matrix.initialize(to: packed.matrix)
    return Group(matrix: matrix, bias: start, count: count, memory: packed.memory)
  }

  deinit { for group in groups { group.matrix.deallocate() } }

  /// Reals in a row of results, with room for whole vectors.
  func stride(_ precision: Precision) -> Int {
    switch kind {
    case .function(.join): precision.stride(features * window.size)
    case .function: precision.stride(features)
    case .convolution:
      max(precision.stride(results), groups.count == 1 && taken == nil ? groups[0].count : 0)
    }
  }

  /// Rows of a convolution's windows that are put together at once.
  static let rowsAtOnce = 48

  /// Reals of scratch memory.
  func scratchCount(_ precision: Precision) throws(RNNError) -> Int {
    switch kind {
    case .function(.join): return 0
    case .function: return try product(window.size, precision.stride(features))
    case .convolution(let module):
      let inner = try product(window.size, module.across?.size ?? 1, module.inChannels / module.groups)
      return try product(Self.rowsAtOnce, inner + (groups.first?.count ?? 0))
    }
  }

  /// Steps that may be left for the next run.
  var capacity: Int { window.reach - 1 }

  /// How many windows there are in so many steps behind those that are left from before. Padding before a sequence comes with
  /// its first step.
  func windowCount(pending: Int, steps: Int, isWhole: Bool) -> Int {
    guard steps > 0 else { return 0 }
    let count = pending + steps + (isWhole ? max(0, window.after) : 0)
    return count >= window.reach ? (count - window.reach) / window.stride + 1 : 0
  }
}
