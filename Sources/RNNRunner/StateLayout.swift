import RNNModel

/// Where the states of a plan's recurrent modules are in memory.
///
/// Each (module, layer, direction) has a block of `batch` rows of h and one of c, in whole vectors as the kernels want
/// them.
final class StateLayout: Sendable, Hashable {
  struct Module: Sendable, Hashable {
    var name: String
    /// Layers times directions.
    var blockCount: Int
    var hiddenSize: Int
    /// Size of h.
    var stateSize: Int
    var hasCell: Bool
    /// Reals in a row of h and of c.
    var hStride: Int
    var cStride: Int
    /// Reals before the module's first block, for each row of the batch.
    var start: Int

    var blockStride: Int { hStride + cStride }

    /// Reals before h of a block.
    func h(_ block: Int, batch: Int) -> Int { (start + block * blockStride) * batch }
    /// Reals before c of a block.
    func c(_ block: Int, batch: Int) -> Int { (start + block * blockStride + hStride) * batch }
  }

  /// What a window over time leaves for the next run: for each row a ring of its last steps, then three numbers: how many
  /// steps there are, less than 0 where so many are to be skipped; how many of the first are padding; and where in the ring
  /// the first one is.
  struct Context: Sendable, Hashable {
    var name: String
    /// Steps that there is room for, and reals in one.
    var capacity: Int
    var features: Int
    var featureStride: Int
    /// Steps of padding at the start of a sequence, negative where steps are cut off.
    var before: Int
    /// Reals in a row, and before the first block, for each row of the batch.
    var stride: Int
    var start: Int

    /// Reals before the three numbers of a row.
    func numbers(_ row: Int, batch: Int) -> Int { start * batch + row * stride + capacity * featureStride }
  }

  let precision: Precision
  let modules: [Module]
  let contexts: [Context]
  /// Reals for each row of the batch.
  let count: Int

  init(precision: Precision, modules: [Module], contexts: [Context], count: Int) {
    self.precision = precision
    self.modules = modules
    self.contexts = contexts
    self.count = count
  }

  /// Copies rows of a state of so many to other rows of another.
  func copyRows(
    _ rows: [Int], from source: UnsafeRawPointer, of sourceBatch: Int, _ others: [Int],
    to target: UnsafeMutableRawPointer, of targetBatch: Int
  ) {
    let real = precision.size
    for module in modules {
      for block in 0..<module.blockCount {
        let blocks = [
          (module.h(block, batch: sourceBatch), module.h(block, batch: targetBatch), module.hStride),
          (module.c(block, batch: sourceBatch), module.c(block, batch: targetBatch), module.cStride),
        ]
        for (from, to, stride) in blocks {
          for (row, other) in zip(rows, others) {
            (target + (to + other * stride) * real).copyMemory(
              from: source + (from + row * stride) * real, byteCount: stride * real)
          }
        }
      }
    }
    for context in contexts {
      for (row, other) in zip(rows, others) {
        (target + (context.start * targetBatch + other * context.stride) * real).copyMemory(
          from: source + (context.start * sourceBatch + row * context.stride) * real, byteCount: context.stride * real)
      }
    }
  }

  static func == (a: StateLayout, b: StateLayout) -> Bool {
    a === b || (a.precision == b.precision && a.modules == b.modules && a.contexts == b.contexts)
  }

  func hash(into hasher: inout Hasher) {
    hasher.combine(precision)
    hasher.combine(modules)
  }
}
