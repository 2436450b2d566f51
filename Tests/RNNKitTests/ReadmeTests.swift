import Foundation
import RNNHDF5  // for HDF5 only
import RNNKit
import Testing

/// Opens a model, checks it, runs it and keeps it.
func tour(_ path: String, _ input: Tensor, keep target: String) throws -> Tensor? {
  let file = try ModelFile.open(path, registry: .standard.adding(HDF5Format.self))
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

@Suite struct ReadmeTests {
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// The function above stands in the README word for word.
  @Test func theReadmesExampleIsTheOneCompiledHere() throws {
    let readme = try String(contentsOf: Self.root.appendingPathComponent("README.md"), encoding: .utf8)
    let source = try String(contentsOfFile: #filePath, encoding: .utf8)
    let start = try #require(readme.range(of: "/// Opens a model, checks it"))
    let end = try #require(readme.range(of: "```", range: start.lowerBound..<readme.endIndex))
    #expect(source.contains(readme[start.lowerBound..<end.lowerBound]))
  }

  @Test func theReadmesExampleRuns() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("rnnkit-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let target = folder.appendingPathComponent("model.rnn").path
    let sample = Self.root.appendingPathComponent("SampleModels/sunspots/sunspots.h5").path
    let shape = try #require(Shape([4, 1]))
    let input = try #require(Tensor([0.1, 0.2, 0.3, 0.4] as [Float], shape))
    let result = try #require(try tour(sample, input, keep: target))
    #expect(result.shape == shape)
    #expect(try ModelFile.open(target).model.archive.tensors.count == 10)
  }
}
