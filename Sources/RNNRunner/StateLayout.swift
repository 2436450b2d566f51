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

  let precision: Precision
  let modules: [Module]
  /// Reals for each row of the batch.
  let count: Int

  init(precision: Precision, modules: [Module], count: Int) {
    self.precision = precision
    self.modules = modules
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
  }

  static func == (a: StateLayout, b: StateLayout) -> Bool {
    a === b || (a.precision == b.precision && a.modules == b.modules)
  }

  func hash(into hasher: inout Hasher) {
    hasher.combine(precision)
    hasher.combine(modules)
  }
}
