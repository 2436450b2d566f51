import RNNKit

/// Runs a small model for two steps of three rows: on every instruction set the same bits, or the same refusal.
package func checkRun(_ model: Model) throws {
  // What a file does not say of what is computed is asked for.
  guard model.architecture.forward != nil, model.archive.tensors.reduce(0, { $0 + $1.tensor.byteCount }) < 1 << 16 else {
    return
  }
  var first: [NamedTensor]?
  for set in InstructionSet.available {
    guard let plan = try accepted("the plan", { try Plan(model, instructionSet: set) }) else { return }
    let inputs = try plan.inputs.map { try tensor(plan, $0) }
    guard let members = try accepted("the run", { try plan.run(inputs).members }) else { return }
    // Which of two NaNs goes on is the processor's affair.
    guard try members.allSatisfy({ try $0.tensor.nonFiniteCounts().nan == 0 }) else { return }
    try requireSame(first ?? members, members, "a run on \(set)")
    first = members
  }
}

/// Numbers between -1 and 1, or the embedding's first indices.
private func tensor(_ plan: Plan, _ input: Plan.Input) throws -> Tensor {
  let (steps, rows) = (2, 3)
  let axes = plan.architecture.batchFirst ? [rows, steps] : [steps, rows]
  let tensor: Tensor?
  if input.takesIndices {
    tensor = Shape(axes).flatMap { Tensor([Int64](repeating: 0, count: steps * rows), $0) }
  } else {
    let values = (0..<steps * rows * input.features).map { Float($0 % 17) / 8 - 1 }
    tensor = Shape(axes + [input.features]).flatMap { Tensor(values, $0) }
  }
  guard let tensor else { throw Broken("an input of \(input.features) features is no tensor") }
  return tensor
}
