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
