import CRNNKernels
import RNNModel

/// A weight in the order in which the kernels read it. See `rnnkit_matrix`.
struct PackedMatrix {
  var matrix: rnnkit_matrix
  /// Owns what `matrix.weights` points to.
  let memory: AlignedMemory

  /// Reals in a row of results where this is the row's only matrix.
  func resultCount(_ precision: Precision) -> Int { matrix.groups * matrix.pitch * precision.lanes }

  /// Packs a (rows, inner) weight. `row(group, panel, lane)` names the row that a lane computes, nil for none.
  init<R: Real>(
    _ weight: Tensor, as type: R.Type, inner: Int, groups: Int, panels: Int, pitch: Int, first: Int = 0,
    row: (_ group: Int, _ panel: Int, _ lane: Int) -> Int?
  ) throws(RNNError) {
    let lanes = R.precision.lanes
    memory = try AlignedMemory(reals: product(groups, panels, inner, lanes), R.precision)
    let packed = memory.base.assumingMemoryBound(to: R.self)
    let rowReals = UnsafeMutablePointer<R>.allocate(capacity: inner)
    defer { rowReals.deallocate() }
    for group in 0..<groups {
      for panel in 0..<panels {
        for lane in 0..<lanes {
          guard let row = row(group, panel, lane) else { continue }
          weight.copyReals(from: row * inner, count: inner, to: rowReals)
          var target = packed + ((group * inner * panels) + panel) * lanes + lane
          for column in 0..<inner {
            target.pointee = rowReals[column]
            target += panels * lanes
          }
        }
      }
    }
    matrix = rnnkit_matrix(
      weights: UnsafeRawPointer(memory.base), inner: inner, groups: groups, panels: panels, pitch: pitch, first: first)
  }

  /// Packs a weight whose results are its rows in order: a linear layer's, a projection's or an RNN's.
  init<R: Real>(plain weight: Tensor, as type: R.Type, rows: Int, inner: Int) throws(RNNError) {
    let lanes = R.precision.lanes
    let panels = Self.panels(rows: rows, lanes: lanes)
    let groups = (rows + panels * lanes - 1) / (panels * lanes)
    try self.init(weight, as: type, inner: inner, groups: groups, panels: panels, pitch: panels) { group, panel, lane in
      let row = (group * panels + panel) * lanes + lane
      return row < rows ? row : nil
    }
  }

  /// How many panels make a group where all rows are alike: as many as possible without much padding.
  private static func panels(rows: Int, lanes: Int) -> Int {
    let vectors = (rows + lanes - 1) / lanes
    guard vectors > Int(RNNKIT_MAXIMUM_PANELS) else { return vectors }
    func padded(_ panels: Int) -> Int { (vectors + panels - 1) / panels * panels }
    return (2...Int(RNNKIT_MAXIMUM_PANELS)).reversed().first { padded($0) * 16 <= vectors * 17 } ?? 4
  }
}
