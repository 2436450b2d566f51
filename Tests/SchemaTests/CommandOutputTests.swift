import Foundation
import RNNFormats
import RNNModel
import Testing

/// What `rnn … --json` prints keeps to the schemas. A new subcommand is one line in a test, or a test of a few.
@Suite(.enabled(if: Python.isReady, Python.whyNot)) struct CommandOutputTests {
  /// `rnn` as this build made it, beside the tests.
  static let command: String = {
    let bundle = Bundle.allBundles.map(\.bundleURL).first { $0.pathExtension == "xctest" }
      ?? URL(fileURLWithPath: CommandLine.arguments[0])
    return bundle.deletingLastPathComponent().appendingPathComponent("rnn").path
  }()

  /// In the formats that PyTorch's samples come in; the native ones hold the same.
  private static let samples: [String] = {
    let files = FileManager.default.subpaths(atPath: Python.root.path + "/SampleModels") ?? []
    return files.filter { $0.hasSuffix(".h5") }.sorted().map { "SampleModels/" + $0 }
  }()

  /// Standard output of runs that end with one of these statuses; others, which have none, are left out.
  private func outputs(_ runs: [[String]], status: [Int32] = [0]) throws -> [String] {
    try runs.compactMap { arguments in
      let result = try Process.run(Self.command, arguments)
      #expect(status.contains(result.status) || result.output.isEmpty, "\(arguments): \(result.errors)")
      return status.contains(result.status) ? result.output : nil
    }
  }

  private func expectValid(_ texts: [String], _ schema: String, atLeast count: Int) throws {
    #expect(texts.count >= count)
    #expect(try SchemaTests.problems(texts, schema) == "")
  }

  @Test func inspect() throws {
    let texts = try outputs(Self.samples.map { ["inspect", "--json", $0] })
    try expectValid(texts, "inspect", atLeast: Self.samples.count - 5)
  }

  @Test func verify() throws {
    let texts = try outputs(Self.samples.map { ["verify", "--json", $0] }, status: [0, 1])
    try expectValid(texts, "verify", atLeast: Self.samples.count / 2)
  }

  @Test func diagnose() throws {
    let texts = try outputs(Self.samples.map { ["diagnose", "--json", $0] })
    try expectValid(texts, "diagnose", atLeast: Self.samples.count / 2)
  }

  @Test func diff() throws {
    let pairs = zip(Self.samples, Self.samples.dropFirst()).flatMap { [[$0, $1], [$0, $0]] }
    let texts = try outputs(pairs.map { ["diff", "--json"] + $0 }, status: [0, 1])
    try expectValid(texts, "diff", atLeast: Self.samples.count)
  }

  @Test func diffOfWhatIsNotFinite() throws {
    let folder = try ScratchFolder()
    func write(_ values: [Float], _ name: String) throws {
      var archive = TensorArchive()
      let shape = try #require(Shape([values.count]))
      try archive.append("x", try #require(Tensor(values, shape)))
      var file = try OutputFile(folder.path(name), replacing: false)
      try NativeFormat().write(Model(archive, architecture: Architecture(modules: [])), to: &file)
      try file.commit()
    }
    try write([1, .nan], "a.rnn")
    try write([.infinity, .nan], "b.rnn")
    let texts = try outputs([["diff", "--json", folder.path("a.rnn"), folder.path("b.rnn")]], status: [1])
    #expect(texts.first?.contains("\"largest_difference\": \"inf\"") == true)
    try expectValid(texts, "diff", atLeast: 1)
  }

  @Test func formats() throws {
    try expectValid(try outputs([["formats", "--json"]]), "formats", atLeast: 1)
  }

  @Test func convert() throws {
    let folder = try ScratchFolder()
    let runs = Self.samples.enumerated().flatMap { index, sample in
      [
        ["convert", "--json", sample, folder.path("\(index).rnn")],
        ["convert", "--json", "--dtype", "bf16", sample, folder.path("\(index).h5")],
      ]
    }
    try expectValid(try outputs(runs), "convert", atLeast: Self.samples.count)
  }
}
