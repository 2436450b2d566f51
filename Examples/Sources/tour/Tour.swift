import RNNHDF5  // for HDF5 only
import RNNKit

/// Opens a model, checks it, runs it and keeps it.
func tour(_ path: String, _ input: Tensor, keep target: String) throws -> Tensor? {
  let file = try ModelFile.open(path, registry: .standard.adding(HDF5Format(HDF5File())))
  for module in file.model.architecture.modules { print(module.name, module) }

  // The outputs its framework gave, against those of today.
  for reference in file.model.archive.cases {
    let verification = try Verification(reference, of: file.model)
    print(verification.name, verification.holds)
  }

  // A whole sequence: (time, batch, features), or (time, features).
  let plan = try Plan(file.model)
  let outputs = try plan.run(input)

  // Step by step, the state carried by the caller: allocates nothing, takes no lock.
  let runner = try Runner(plan)
  var state = try plan.state(batch: 1)
  let sample = [Float](repeating: 0.5, count: plan.inputSize)
  var result = [Float](repeating: 0, count: plan.outputSize)
  var span = result.mutableSpan
  try runner.step(sample.span, &state, into: &span)

  try file.model.write(to: target)
  return outputs.last
}
