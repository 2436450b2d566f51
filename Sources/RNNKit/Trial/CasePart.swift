import RNNModel

extension ReferenceCase {
  /// The first rows and steps of a case: its input, starting states, lengths and `y`, as far as they are there.
  ///
  /// - Parameters:
  ///   - axes: Of the input.
  ///   - yHasTime: Whether `y` has a time axis that runs with the input's.
  func part(_ axes: CaseAxes, rows: Int, steps: Int, yHasTime: Bool) -> ReferenceCase {
    var result = self
    result.members = members.compactMap { member in
      var tensor = member.tensor
      switch member.name {
      case "input":
        tensor = tensor.prefix(steps, axis: axes.time)
        if let batch = axes.batch { tensor = tensor.prefix(rows, axis: batch) }
      case "y":
        if yHasTime { tensor = tensor.prefix(steps, axis: axes.time) }
        if let batch = axes.batch { tensor = tensor.prefix(rows, axis: yHasTime || axes.keepsTime(tensor.shape) ? batch : 0) }
      case "lengths":
        let lengths = tensor.doubles.prefix(rows).compactMap { Int64(exactly: $0).map { min($0, Int64(steps)) } }
        guard let shape = Shape([lengths.count]), let cut = Tensor(lengths, shape) else { return nil }
        tensor = cut
      default:
        guard StateName(member.name) != nil else { return nil }
        if axes.batch != nil, tensor.shape.rank == 3 { tensor = tensor.prefix(rows, axis: 1) }
      }
      return NamedTensor(member.name, tensor)
    }
    return result
  }
}

/// How the axes of a case's input lie.
struct CaseAxes {
  /// The axis of steps, and that of rows, where there is one.
  let time: Int
  let batch: Int?
  let steps: Int
  let rows: Int

  /// Nil where the input has other axes than a model takes.
  init?(_ input: Tensor, takesIndices: Bool, batchFirst: Bool) {
    let rank = input.shape.rank + (takesIndices ? 1 : 0)
    guard rank == 2 || rank == 3 else { return nil }
    time = rank == 3 && batchFirst ? 1 : 0
    batch = rank == 3 ? 1 - time : nil
    steps = input.shape[time]
    rows = batch.map { input.shape[$0] } ?? 1
    guard steps > 0, rows > 0 else { return nil }
  }

  /// Whether a `y` of one value for each sequence has a time axis of one step all the same.
  fileprivate func keepsTime(_ y: Shape) -> Bool {
    guard let batch, y.rank > batch, y.rank > time else { return false }
    return y[time] == 1 && y[batch] == rows
  }

  /// Whether a `y` of these sizes has a value for every step, or one for each sequence; nil where it can be neither.
  func hasTime(_ y: Shape, features: Int) -> Bool? {
    func fits(_ sizes: [Int]) -> Bool { y.dimensions == sizes || features == 1 && y.dimensions == Array(sizes.dropLast()) }
    let whole = batch == nil ? [steps, features] : time == 0 ? [steps, rows, features] : [rows, steps, features]
    if fits(whole) { return true }
    var one = whole
    one[time] = 1
    var none = whole
    none.remove(at: time)
    return fits(none) || fits(one) ? false : nil
  }
}

extension Tensor {
  /// The first elements of an axis; the tensor itself where it has no more.
  fileprivate func prefix(_ count: Int, axis: Int) -> Tensor {
    guard axis < shape.rank, count < shape[axis] else { return self }
    var sizes = shape.dimensions
    let outer = sizes[..<axis].reduce(1, *), inner = sizes[(axis + 1)...].reduce(1, *) * elementType.byteCount
    let stride = sizes[axis] * inner
    sizes[axis] = count
    guard let shape = Shape(sizes) else { return self }
    let part = Tensor(elementType, shape) { target in
      withUnsafeBytes { source in
        for index in 0..<outer {
          let piece = UnsafeRawBufferPointer(rebasing: source[index * stride..<index * stride + count * inner])
          UnsafeMutableRawBufferPointer(rebasing: target[(index * count * inner)...]).copyMemory(from: piece)
        }
      }
    }
    return part ?? self
  }
}
