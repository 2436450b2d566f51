import RNNModel

/// Whole inputs, checked against the plan: where each step of each row is in the tensors.
struct SequenceInput {
  let tensors: [Tensor]
  let steps: Int
  let batch: Int
  let isBatched: Bool
  let batchFirst: Bool

  init(_ tensors: [Tensor], for plan: Plan, isPiece: Bool = false) throws(RNNError) {
    guard tensors.count == plan.inputs.count else {
      throw RNNError(.usage, "\(tensors.count) inputs", remedy: "give \(plan.inputs.count): \(plan.inputs.map(\.name).listed())")
    }
    var tensors = tensors
    for (index, input) in plan.architecture.forward?.inputs.enumerated() ?? [].enumerated() {
      guard let axes = input.axes, tensors.indices.contains(index) else { continue }
      tensors[index] = try Self.rows(of: tensors[index], axes, plan.inputs.count == 1 ? "input" : "input \(input.name)", plan.architecture.batchFirst)
    }
    var axes: [(steps: Int, batch: Int, isBatched: Bool)] = []
    for (tensor, input) in zip(tensors, plan.inputs) {
      let place = plan.inputs.count == 1 ? "input" : "input \(input.name)"
      axes.append(try Self.axes(of: tensor, input, place, batchFirst: plan.architecture.batchFirst))
    }
    (steps, batch, isBatched) = axes[0]
    for (index, other) in axes.enumerated() where other != axes[0] {
      throw RNNError(.badData, place: "input \(plan.inputs[index].name)",
        "its shape is \(tensors[index].shape), where \(plan.inputs[0].name) has \(tensors[0].shape)",
        remedy: "give all inputs as many steps and rows")
    }
    batchFirst = isBatched && plan.architecture.batchFirst
    self.tensors = tensors
    let least = max(plan.program.leastSteps, isPiece ? 1 : plan.program.leastLength)
    guard steps >= least else {
      throw RNNError(.badData, place: "input", "it has \(steps) step\(steps == 1 ? "" : "s"), and the forward takes one that is not there",
        remedy: "give sequences of \(least) steps or more")
    }
  }

  /// A tensor of the axes that a forward says as one of batch, time and features, in the order that the architecture has.
  private static func rows(
    of tensor: Tensor, _ axes: [Forward.Input.Axis], _ place: String, _ batchFirst: Bool
  ) throws(RNNError) -> Tensor {
    let sizes = tensor.shape.dimensions, expected = "(\(axes.map(\.word).joined(separator: ", ")))"
    // One sequence may come without an axis for the batch.
    let own = sizes.count == axes.count ? axes : axes.filter { $0 != .batch }
    guard own.count == sizes.count, zip(own, sizes).allSatisfy({ axis, size in if case .size(let wanted) = axis { wanted == size } else { true } }) else {
      throw RNNError(.badData, place: place, "its shape is \(tensor.shape), expected \(expected)", remedy: "reshape it")
    }
    var strides = [Int](repeating: 1, count: sizes.count)
    for axis in sizes.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * sizes[axis + 1] }
    let leading: [Forward.Input.Axis] = batchFirst ? [.batch, .time] : [.time, .batch]
    let order = leading.compactMap { own.firstIndex(of: $0) } + own.indices.filter { !leading.contains(own[$0]) }
    let features = own.reduce(1) { product, axis in if case .size(let size) = axis { product * size } else { product } }
    guard let shape = Shape(leading.compactMap { own.firstIndex(of: $0).map { sizes[$0] } } + [features]) else {
      throw RNNError(.badData, place: place, "its shape is \(tensor.shape)", remedy: "reshape it")
    }
    let size = tensor.elementType.byteCount
    guard let result = Tensor(tensor.elementType, shape, fill: { target in
      tensor.withUnsafeBytes { source in
        guard let to = target.baseAddress, let from = source.baseAddress, tensor.count > 0 else { return }
        var index = [Int](repeating: 0, count: order.count), place = 0
        for element in 0..<tensor.count {
          (to + element * size).copyMemory(from: from + place * size, byteCount: size)
          var axis = order.count - 1
          while axis >= 0 {
            index[axis] += 1
            place += strides[order[axis]]
            if index[axis] < sizes[order[axis]] { break }
            place -= index[axis] * strides[order[axis]]
            index[axis] = 0
            axis -= 1
          }
        }
      }
    }) else { throw RNNError(.badData, place: place, "its shape \(tensor.shape) is too large", remedy: "use a smaller batch or a shorter sequence") }
    return result
  }

  private static func axes(
    of tensor: Tensor, _ input: Plan.Input, _ place: String, batchFirst: Bool
  ) throws(RNNError) -> (steps: Int, batch: Int, isBatched: Bool) {
    let shape = tensor.shape, axes = input.takesIndices ? 1 : 2
    let expected = input.takesIndices ? "" : ", \(input.features) features"
    let layout = batchFirst ? "(batch, time\(expected))" : "(time, batch\(expected))"
    guard shape.rank == axes || shape.rank == axes + 1 else {
      throw RNNError(.badData, place: place, "its shape is \(shape), expected \(layout) or (time\(expected))",
        remedy: "reshape it")
    }
    guard input.takesIndices || shape[shape.rank - 1] == input.features else {
      throw RNNError(.badData, place: place,
        "its shape \(shape) ends in \(shape[shape.rank - 1]) features, expected \(input.features)",
        remedy: "reshape it")
    }
    guard input.takesIndices ? tensor.elementType.isInteger : tensor.elementType.isWeight else {
      throw RNNError(.badData, place: place,
        "its type is \(tensor.elementType.rawValue), expected \(input.takesIndices ? "whole numbers" : "a float type")",
        remedy: input.takesIndices ? "convert it to int64" : "convert it to float32")
    }
    let isBatched = shape.rank == axes + 1, isTransposed = isBatched && batchFirst
    let steps = shape[isTransposed ? 1 : 0]
    guard steps > 0 else {
      throw RNNError(.badData, place: place, "its shape \(shape) has no steps, expected 1 or more",
        remedy: "give a sequence that is not empty")
    }
    return (steps, isBatched ? shape[isTransposed ? 0 : 1] : 1, isBatched)
  }

  /// The row number, in the tensor or one of its layout, of a step of a sequence.
  func row(step: Int, sequence: Int) -> Int { row(step: step, of: steps, sequence: sequence) }

  func row(step: Int, of steps: Int, sequence: Int) -> Int {
    batchFirst ? sequence * steps + step : step * batch + sequence
  }

  /// The shape of an output of so many features a step, or of one without a time axis.
  func outputShape(_ features: Int, steps: Int?) throws(RNNError) -> Shape {
    let axes: [Int]
    switch (isBatched, steps) {
    case (true, let steps?): axes = batchFirst ? [batch, steps, features] : [steps, batch, features]
    case (true, nil): axes = [batch, features]
    case (false, let steps?): axes = [steps, features]
    case (false, nil): axes = [features]
    }
    guard let shape = Shape(axes) else {
      throw RNNError(.badData, place: "input", "an output of \(axes) is too large",
        remedy: "use a smaller batch or a shorter sequence")
    }
    return shape
  }
}
