import RNNModel

/// A whole input, checked against the chain: where each step of each row is in the tensor.
struct SequenceInput {
  let tensor: Tensor
  let steps: Int
  let batch: Int
  let isBatched: Bool
  let batchFirst: Bool
  /// Elements of a step.
  let features: Int

  init(_ tensor: Tensor, for plan: Plan) throws(RNNError) {
    let shape = tensor.shape, axes = plan.takesIndices ? 1 : 2
    let expected = plan.takesIndices ? "" : ", \(plan.inputSize) features"
    let layout = plan.architecture.batchFirst ? "(batch, time\(expected))" : "(time, batch\(expected))"
    guard shape.rank == axes || shape.rank == axes + 1 else {
      throw RNNError(.badData, place: "input", "its shape is \(shape), expected \(layout) or (time\(expected))",
        remedy: "reshape it")
    }
    guard plan.takesIndices || shape[shape.rank - 1] == plan.inputSize else {
      throw RNNError(.badData, place: "input",
        "its shape \(shape) ends in \(shape[shape.rank - 1]) features, expected \(plan.inputSize)",
        remedy: "reshape it")
    }
    guard plan.takesIndices ? tensor.elementType.isInteger : tensor.elementType.isWeight else {
      throw RNNError(.badData, place: "input",
        "its type is \(tensor.elementType.rawValue), expected \(plan.takesIndices ? "whole numbers" : "a float type")",
        remedy: plan.takesIndices ? "convert it to int64" : "convert it to float32")
    }
    isBatched = shape.rank == axes + 1
    batchFirst = isBatched && plan.architecture.batchFirst
    steps = shape[batchFirst ? 1 : 0]
    batch = isBatched ? shape[batchFirst ? 0 : 1] : 1
    guard steps > 0 else {
      throw RNNError(.badData, place: "input", "its shape \(shape) has no steps, expected 1 or more",
        remedy: "give a sequence that is not empty")
    }
    features = plan.takesIndices ? 1 : plan.inputSize
    self.tensor = tensor
  }

  /// The row number, in the tensor or one of its layout, of a step of a sequence.
  func row(step: Int, sequence: Int) -> Int {
    batchFirst ? sequence * steps + step : step * batch + sequence
  }

  /// The shape of an output of so many features a step, or of one without a time axis.
  func outputShape(_ features: Int, hasTime: Bool) throws(RNNError) -> Shape {
    let axes: [Int]
    switch (isBatched, hasTime) {
    case (true, true): axes = batchFirst ? [batch, steps, features] : [steps, batch, features]
    case (true, false): axes = [batch, features]
    case (false, true): axes = [steps, features]
    case (false, false): axes = [features]
    }
    guard let shape = Shape(axes) else {
      throw RNNError(.badData, place: "input", "an output of \(axes) is too large",
        remedy: "use a smaller batch or a shorter sequence")
    }
    return shape
  }
}
