import Foundation
import RNNKit
import Testing

/// Every sample, as a user has it: converted there and back, verified, run and compared with what PyTorch gave.
@Suite struct SampleTests {
  @Test(arguments: Samples.all) func convertsThereAndBackWithoutLosingABit(sample: String) throws {
    let scratch = try Scratch()
    let (first, hdf5, second) = (scratch.path("a.rnn"), scratch.path("b.h5"), scratch.path("c.rnn"))
    for (from, to) in [(Samples.path(sample), first), (first, hdf5), (hdf5, second)] {
      let result = try Command.run("convert", from, to)
      #expect(result.status == 0, "\(result.errors)")
    }
    #expect(try Data(contentsOf: URL(fileURLWithPath: first)) == Data(contentsOf: URL(fileURLWithPath: second)))
    for converted in [first, hdf5] {
      let difference = try Command.run("diff", Samples.path(sample), converted)
      #expect(difference.status == 0, "\(difference.output)")
      // Not what diff says of itself alone: cases and metadata as well, by the library.
      let (a, b) = (try Samples.open(sample), try ModelFile.open(converted, registry: Samples.registry).model)
      #expect(a.archive.tensors.map(\.name) == b.archive.tensors.map(\.name))
      #expect(zip(a.archive.tensors, b.archive.tensors).allSatisfy { $0.tensor.isIdentical(to: $1.tensor) })
      #expect(a.archive.metadata == b.archive.metadata)
      #expect(a.archive.cases.map(\.name) == b.archive.cases.map(\.name))
      for (one, other) in zip(a.archive.cases, b.archive.cases) {
        #expect(one.metadata == other.metadata && one.members.map(\.name) == other.members.map(\.name))
        #expect(zip(one.members, other.members).allSatisfy { $0.tensor.isIdentical(to: $1.tensor) })
      }
    }
  }

  @Test(arguments: Samples.all) func verifies(sample: String) throws {
    let scratch = try Scratch()
    for path in [Samples.path(sample), try Samples.native(sample, scratch)] {
      let result = try Command.run("verify", path)
      #expect(result.status == 0, "\(result.output)\(result.errors)")
      #expect(!result.output.contains("mismatch"))
    }
  }

  @Test(arguments: ["tutorial/sequence_first", "tutorial/batch_first"])
  func tutorialsLastStateIsItsLastOutput(sample: String) throws {
    let result = try Command.run("verify", Samples.path(sample))
    #expect(result.output.components(separatedBy: "  the reference's hn[last] == output[last]: yes\n").count == 3)
    #expect(result.output.hasSuffix("2 of 2 cases hold\n"))
  }

  /// The samples of Elman RNNs alone, whose outputs are to be PyTorch's within 2e-7.
  private static let elman =
    ["tutorial/sequence_first", "tutorial/batch_first", "sunspots/sunspots", "rnn_relu", "rnn_no_bias", "rnn_1_layer",
      "rnn_3_layers", "rnn_4_layers", "rnn_h0_given", "rnn_unbatched", "rnn_batch_first", "rnn_wide_input", "head_out",
      "head_head", "head_no_bias", "prefix_none", "prefix_encoder", "prefix_module", "extra_tensors"]

  /// One case run by the command: each output with its reference and, in a float32 model, its float64 truth.
  private func outputs(
    _ sample: String, _ reference: ReferenceCase, _ scratch: Scratch
  ) throws -> [(name: String, result: [Double], reference: [Double], exact: [Double]?)] {
    let (input, output) = (scratch.path("in.npz"), scratch.path("\(UUID()).npz"))
    try ArrayFile.writeInputs(reference, input)
    let run = try Command.run(
      ["run", Samples.path(sample), "--input", input, "--output", output] + Samples.moduleOptions(reference))
    try #require(run.status == 0, "\(run.errors)")
    let results = try ArrayFile.read(output)
    return try reference.members.compactMap { member in
      let name = member.name
      guard ["output", "hn", "cn", "y"].contains(where: { name == $0 || name.hasSuffix("." + $0) }) else { return nil }
      let result = try #require(results[name], "\(sample) gives no \(name)")
      #expect(result.shape == member.tensor.shape && result.elementType == member.tensor.elementType)
      return (name, result.doubles, member.tensor.doubles, reference[name + "64"]?.doubles)
    }
  }

  @Test(arguments: elman) func givesPyTorchsNumbersForElmanNetworks(sample: String) throws {
    let scratch = try Scratch()
    for reference in try Samples.open(sample).archive.cases {
      for (name, result, expected, _) in try outputs(sample, reference, scratch) {
        let excess = zip(result, expected).map { abs($0 - $1) / max(1, abs($1)) }.max() ?? 0
        #expect(excess <= 2e-7, "\(sample), case \(reference.name), \(name): \(excess)")
      }
    }
  }

  /// How far outputs are from float64, over a set of samples.
  private struct Distances {
    let name: String
    var (ours, frameworks) = (0.0, 0.0)
    var logarithms: [Double] = []
    var report = ""

    init(_ name: String) {
      self.name = name
    }

    mutating func add(_ sample: String, ours result: Double, framework reference: Double) {
      (ours, frameworks) = (max(ours, result), max(frameworks, reference))
      logarithms.append(log(result / reference))
      report += "\n  \(sample): \(result) against \(reference)"
    }

    /// The geometric mean of the ratios.
    var mean: Double { exp(logarithms.reduce(0, +) / Double(max(logarithms.count, 1))) }

    var text: String {
      """
      largest distance from float64 over \(logarithms.count) float32 samples (\(name)): ours \(ours), \
      the framework's \(frameworks); geometric mean of the samples' ratios \(mean)
      """
    }
  }

  @Test func isNoFurtherFromFloat64ThanPyTorch() throws {
    let scratch = try Scratch()
    var sets = [Distances("Elman networks"), Distances("all of PyTorch's"), Distances("all, those of Keras included")]
    for sample in Samples.all {
      var (result, reference) = (0.0, 0.0)
      for entry in try Samples.open(sample).archive.cases {
        for (_, found, expected, exact) in try outputs(sample, entry, scratch) {
          guard let exact else { continue }
          for index in exact.indices {
            result = max(result, abs(found[index] - exact[index]))
            reference = max(reference, abs(expected[index] - exact[index]))
          }
        }
      }
      if result == 0 && reference == 0 { continue }
      try #require(result > 0 && reference > 0, "\(sample): one of the errors is zero, which has no ratio")
      let isPyTorchs = !sample.hasPrefix("keras_") && sample != "gru_reset_before_two_biases"
      if Self.elman.contains(sample) { sets[0].add(sample, ours: result, framework: reference) }
      if isPyTorchs { sets[1].add(sample, ours: result, framework: reference) }
      sets[2].add(sample, ours: result, framework: reference)
    }
    for set in sets {
      print(set.text)
      #expect(set.mean <= 1, "\(set.text)\(set.report)")
    }
    #expect(sets[0].logarithms.count >= 18 && sets[2].logarithms.count >= 75)
    for set in sets[..<2] { #expect(set.ours <= set.frameworks, "\(set.text)\(set.report)") }
  }

  @Test(arguments: ["flat", "grouped", "chunked", "new_format", "big_endian", "float16", "float64"])
  func takesPlainDumpsAsTheyAre(dump: String) throws {
    let scratch = try Scratch()
    let (weights, arrays) = (Samples.file("plain/\(dump).h5"), Samples.file("plain/\(dump).npz"))
    let native = scratch.path("model.rnn")
    let converted = try Command.run("convert", weights, native, "--case", arrays)
    #expect(converted.status == 0, "\(converted.errors)")
    #expect(converted.errors.contains("nonlinearity tanh, PyTorch's default"))
    #expect(converted.errors.contains("batch_first False, PyTorch's default"))
    #expect(try Command.run("diff", weights, native).status == 0)
    for arguments in [["verify", native], ["verify", weights, "--case", arrays]] {
      let verified = try Command.run(arguments)
      #expect(verified.status == 0, "\(verified.output)\(verified.errors)")
      #expect(verified.output.contains("case \(dump)\n"))
    }
    // What the dump leaves open makes other numbers.
    #expect(try Command.run("verify", weights, "--case", arrays, "--nonlinearity", "relu").status == 1)
  }

  @Test func understandsNamesOfItsOwnByAMapping() throws {
    let scratch = try Scratch()
    let (weights, mapping) = (Samples.file("rename/weights.h5"), Samples.file("rename/mapping.json"))
    let native = scratch.path("model.rnn")
    let converted = try Command.run("convert", weights, native, "--mapping", mapping, "--case", Samples.file("rename/case.npz"))
    #expect(converted.status == 0, "\(converted.errors)")
    #expect(try Command.run("verify", native).status == 0)
    #expect(try Command.run("diff", weights, native, "--mapping", mapping).status == 0)
  }
}
