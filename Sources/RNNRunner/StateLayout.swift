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

  static func == (a: StateLayout, b: StateLayout) -> Bool {
    a === b || (a.precision == b.precision && a.modules == b.modules)
  }

  func hash(into hasher: inout Hasher) {
    hasher.combine(precision)
    hasher.combine(modules)
  }
}
