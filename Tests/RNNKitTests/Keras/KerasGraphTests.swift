import Foundation
import RNNFormats
import RNNHDF5
import RNNKit
import Testing

/// Models that are graphs of layers, against what Keras gave; see `Fixtures/make_keras_graphs.py`
/// and `make_keras_functions.py`.
@Suite struct KerasGraphTests {
  static let folder = KerasFixture.folder.deletingLastPathComponent().appendingPathComponent("keras-graphs")
  static let registry = KerasFixture.registry.adding(KerasH5Format(HDF5File()))
  static let names: [String] = {
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return files.filter { $0.hasSuffix(".keras") }.map { String($0.dropLast(6)) }.sorted()
  }()
  /// What no Keras model that RNNKit writes computes, and how that is said.
  static let refused = [
    "apart": "Keras cannot hold the step [..., 0:2] where it stands",
    "swapped": "Keras cannot hold the step [..., 2:4] where it stands",
    "shared": "Keras cannot hold a module that is called on several values",
    "functions": "Keras cannot hold a division", "arithmetic": "Keras cannot hold a division",
    "sliced": "Keras cannot hold the step at(-1) where it stands", "tf_functions": "Keras cannot hold a constant as what - takes",
  ]

  static func open(_ name: String) throws -> ModelFile {
    try ModelFile.open(folder.appendingPathComponent(name).path, registry: registry)
  }

  static func arrays(_ name: String) throws -> [NamedTensor] {
    try ArrayRegistry.standard.read(InputFile(folder.appendingPathComponent("\(name).npz").path))
  }

  /// Runs a model on a fixture's inputs, and compares what it gives.
  static func compare(_ model: Model, _ name: String) throws {
    let arrays = try arrays(name)
    let inputs = try (0..<model.architecture.forwardInputCount).map { try #require(arrays["x\($0)"]) }
    #expect(arrays["x\(inputs.count)"] == nil)
    let outputs = try Plan(model).run(inputs)
    let results = outputs.results.isEmpty ? [outputs.output].compactMap { $0 } : outputs.results.map(\.tensor)
    #expect(arrays["y\(results.count)"] == nil && !results.isEmpty)
    for (index, found) in results.enumerated() {
      let expected = try #require(arrays["y\(index)"])
      #expect(found.shape == expected.shape, "\(name), output \(index)")
      let difference = zip(found.doubles, expected.doubles).map { abs($0 - $1) }.max() ?? .infinity
      #expect(difference < 4e-6, "\(name), output \(index)")
    }
  }

  @Test func thereAreManyModels() { #expect(Self.names.count >= 20) }

  @Test(arguments: names, ["keras", "h5"])
  func givesWhatKerasGave(name: String, kind: String) throws {
    try Self.compare(Self.open("\(name).\(kind)").model, name)
  }

  @Test func namesWhatSeveralInputsAndOutputsAre() throws {
    let forward = try #require(try Self.open("several.keras").model.architecture.forward)
    #expect(forward.inputs.map(\.name) == ["left", "right"])
    #expect(forward.outputs.map(\.name) == ["one", "two"])
  }

  @Test func saysWhatIsComputedInOneLine() throws {
    let model = try Self.open("skip.keras").model
    #expect(model.architecture.forward?.line(modules: model.architecture.modules) == "dense(lstm(x)) + x")
    let backwards = try Self.open("backwards.keras").model
    #expect(backwards.architecture.forward?.line(modules: backwards.architecture.modules) == "dense(flip(gru(x)))")
  }

  /// What is written computes the same in RNNKit, and in Keras.
  @Test(arguments: names, ["keras", "keras.h5"])
  func writesWhatItRead(name: String, kind: String) throws {
    let model = try Self.open("\(name).keras").model
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("rnn-\(UUID()).\(kind)").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    do throws(RNNError) {
      try model.write(to: path, registry: Self.registry)
      #expect(Self.refused[name] == nil, "\(name) is written")
    } catch {
      #expect(Self.refused[name] == error.problem.description, "\(name): \(error)")
      #expect(!FileManager.default.fileExists(atPath: path))
      return
    }
    try Self.compare(ModelFile.open(path, registry: Self.registry).model, name)
  }

  @Test(.enabled(if: Python.has("os; os.environ['KERAS_BACKEND'] = 'torch'; import keras"), "keras is not installed"))
  func runsInKeras() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("rnn-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    for name in Self.names where Self.refused[name] == nil {
      for kind in ["keras", "keras.h5"] {
        try Self.open("\(name).keras").model.write(
          to: folder.appendingPathComponent("\(name).\(kind)").path, registry: Self.registry)
      }
    }
    let script = Self.folder.deletingLastPathComponent().appendingPathComponent("check_keras_graphs.py").path
    let answer = try Python.run([script, folder.path, Self.folder.path])
    #expect("\(answer)".contains("all as expected"), "\(answer)")
  }

  /// Layers that cannot be run are steps all the same, and parts without them run.
  @Test func showsWhatItCannotRun() throws {
    let file = try ModelFile.open(AroundFormatTests.folder.appendingPathComponent("keras_carried.h5").path, registry: KerasFixture.registry)
    let architecture = file.model.architecture
    #expect(architecture.forward?.line(modules: architecture.modules) == "x(3) -> _; dense(lstm(conv1d(x)))")
    #expect(throws: RNNError.self) { try Plan(file.model) }
    let part = try file.part(["lstm"])
    #expect(throws: Never.self) { try Plan(part.model) }
  }
}

extension Architecture {
  fileprivate var forwardInputCount: Int { forward?.inputs.count ?? 0 }
}

/// Weights whose config lies in a file of its own, as public repositories have them.
@Suite struct KerasConfigTests {
  private static let folder = KerasFixture.folder.deletingLastPathComponent().appendingPathComponent("keras-config")

  private static func archive(_ name: String, _ weights: String, config: String) throws -> TensorArchive {
    func path(_ file: String) -> String { folder.appendingPathComponent("\(name)/\(file)").path }
    var request = ModelRequest()
    request.config = try JSONValue(config: InputFile(path(config)))
    return try KerasFixture.registry.open(InputFile(path(weights)), request).read().archive
  }

  @Test(arguments: [("keras2-json", "model.h5"), ("tf-keras-json", "weights.h5")])
  func computesWhatTheConfigSays(name: String, weights: String) throws {
    let model = try Interpretation(Self.archive(name, weights, config: "model.json")).model
    let arrays = try ArrayRegistry.standard.read(InputFile(Self.folder.appendingPathComponent("\(name)/expected.npz").path))
    let (input, expected) = (try #require(arrays["input"]), try #require(arrays["y"]))
    let found = try #require(try Plan(model).run(input).last)
    #expect(found.shape == expected.shape)
    #expect(zip(found.doubles, expected.doubles).allSatisfy { abs($0 - $1) < 2e-6 })
  }

  /// tf_keras wrote the second config, whose hard_sigmoid is that of Keras 2.
  @Test func takesTheConfigsWordsAsItsVersionMeansThem() throws {
    let architecture = try #require(Self.archive("tf-keras-json", "weights.h5", config: "model.json").architecture)
    #expect(architecture.recurrentModules.map(\.activations.gate) == [.hardSigmoidKeras2, .hardSigmoidKeras2])
  }

  @Test func refusesAConfigWhereThereIsOne() throws {
    let config = try JSONValue(config: InputFile(Self.folder.appendingPathComponent("keras2-json/model.json").path))
    for (file, problem) in [
      ("stack.h5", "the file has a config of its own"),
      ("stack.keras", "a config is of Keras' weights, and the file is of the format keras"),
    ] {
      var request = ModelRequest()
      request.config = config
      let opened = try KerasFixture.registry.open(InputFile(KerasFixture.path(file)), request)
      let error = #expect(throws: RNNError.self) { try opened.read() }
      #expect(error?.problem.description == problem && error?.kind == .usage)
    }
  }

  @Test func refusesAConfigOfAnotherModel() throws {
    let error = #expect(throws: RNNError.self) {
      try Self.archive("keras2-json", "model.h5", config: "../tf-keras-json/model.json")
    }
    #expect(error?.kind == .badData)
  }
}
