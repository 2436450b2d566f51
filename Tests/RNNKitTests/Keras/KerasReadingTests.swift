import Foundation
import RNNFormats
import RNNHDF5
import RNNKit
import Testing

/// Against `Fixtures/keras`, made by Keras 3 or from the formulas of Keras 1 and 2 (`Fixtures/make_keras_files.py`).
enum KerasFixture {
  static let registry = FormatRegistry.standard.adding(HDF5Format(HDF5File())).adding(KerasFormat(HDF5File()))
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Fixtures/keras")

  static func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

  static func open(_ name: String, forward: String? = nil, ignoring: Set<Departure.Kind> = []) throws -> ModelFile {
    try ModelFile.open(path(name), options: ModelOptions(forward: forward, ignoring: ignoring), registry: registry)
  }

  /// The members of a fixture's `.npz`.
  static func arrays(_ name: String) throws -> [NamedTensor] {
    try ArrayRegistry.standard.read(InputFile(path(name)))
  }
}

extension [NamedTensor] {
  subscript(name: String) -> Tensor? { first { $0.name == name }?.tensor }
}

@Suite struct KerasReadingTests {
  @Test(arguments: [
    ("stack", "h5"), ("stack", "keras"), ("plain", "h5"), ("plain", "keras"), ("plain", "weights.h5"),
    ("variants", "h5"),
    ("variants", "keras"), ("bidirectional", "h5"), ("bidirectional", "keras"), ("functional", "h5"),
    ("functional", "keras"), ("double", "h5"), ("double", "keras"), ("keras1", "h5"), ("keras1_weights", "h5"),
    ("keras22_weights", "h5"), ("keras23_weights", "h5"), ("keras22_bidirectional", "h5"), ("keras22_functional", "h5"),
    ("cudnn", "h5"), ("cudnn_weights", "h5"),
  ])
  func givesWhatKerasGave(name: String, kind: String) throws {
    // Weights alone do not say what is computed with two recurrent layers.
    let file = try KerasFixture.open(
      "\(name).\(kind)", forward: Self.lines["\(name).\(kind)"], ignoring: name == "functional" ? [.masks] : [])
    let arrays = try KerasFixture.arrays("\(name).npz")
    let input = try #require(arrays["input"])
    let expected = try #require(arrays["y"])
    let lengths = try arrays["lengths"].map { try Plan.lengths($0) }
    let found = try #require(try Plan(file.model).run(input, lengths: lengths).last)
    #expect(found.shape == expected.shape)
    let difference = zip(found.doubles, expected.doubles).map { abs($0 - $1) }.max() ?? .infinity
    #expect(difference < (found.elementType == .float64 ? 1e-13 : 2e-6))
  }

  private static let lines = [
    "keras1_weights.h5": "gru_1(lstm_1(x))", "keras22_weights.h5": "gru_1(lstm_1(x))", "keras23_weights.h5": "gru_1(lstm_1(x))",
    "cudnn_weights.h5": "bidirectional_1(cu_dnnlstm_1(x))", "plain.weights.h5": "dense_2(gru_1(lstm_1(x)))",
  ]

  @Test func tellsTheLayersApart() throws {
    let architecture = try KerasFixture.open("stack.keras").model.architecture
    let modules = architecture.modules
    #expect(
      architecture.forward?.line(modules: modules)
        == "sigmoid(dense_1(last(elman(relu(time_distributed(gru(dropout(bidirectional(embedding(x))))))))))")
    #expect(
      modules.map(\.description) == [
        "Embedding(7, 3)", "LSTM(3, 4, bidirectional=True)", "GRU(8, 3)",
        "Linear(in_features=3, out_features=5, bias=True)", "RNN(5, 2, nonlinearity=relu)",
        "Linear(in_features=2, out_features=1, bias=True)",
      ])
    #expect(modules.map(\.name) == ["embedding", "bidirectional", "gru", "time_distributed", "elman", "dense_1"])
  }

  @Test func takesHardSigmoidFromTheVersion() throws {
    let old = try KerasFixture.open("keras22_functional.h5")
    #expect(
      old.model.architecture.recurrentModules.map(\.activations.gate) == [.hardSigmoidKeras2, .hardSigmoidKeras2])
    #expect(old.notes.contains("hard_sigmoid is clip(0.2x + 0.5, 0, 1), as in Keras 2.2"))
    let new = try KerasFixture.open("variants.h5")
    #expect(new.model.architecture.recurrentModules[0].activations.gate == .hardSigmoidKeras3)
    #expect(!new.model.architecture.recurrentModules[0].resetAfter)
    #expect(new.notes.contains("hard_sigmoid is clip(x/6 + 0.5, 0, 1), as in Keras 3.15"))
  }

  @Test func saysWhatWeightsAloneLeaveOpen() throws {
    let file = try KerasFixture.open("keras22_weights.h5")
    #expect(file.model.architecture.modules.map(\.name) == ["lstm_1", "gru_1"])
    #expect(
      file.notes.contains(
        """
        only weights are stored: activations are taken to be Keras 2.2's defaults (gates hard_sigmoid, dense layers linear), \
        and layers of one direction to run forward; the model's config tells them (\(.config))
        """))
    #expect(file.model.architecture.batchFirst, "as Keras always has it")
  }

  @Test func carriesWhatItCannotRun() throws {
    let file = try ModelFile.open(AroundFormatTests.folder.appendingPathComponent("keras_carried.h5").path, registry: KerasFixture.registry)
    #expect(file.model.architecture.modules.map { if case .unknown = $0 { false } else { true } } == [false, true, true])
    #expect(file.model.carried.map(\.name) == ["conv1d.kernel", "conv1d.bias"])
    #expect(
      file.notes.contains("""
        conv1d is a Conv1D with padding same and stride 2, or whose channels are not last, which cannot be run; its arrays are \
        carried as Keras has them
        """))
    #expect(try KerasFixture.open("carried.h5").model.carried.isEmpty)
  }

  @Test func followsBranches() throws {
    let architecture = try KerasFixture.open("branches.h5").model.architecture
    #expect(architecture.forward?.steps.map(\.operation) == [
      .module("left"), .select(.last), .module("right"), .select(.last), .concatenate, .module("joined"),
    ])
    #expect(architecture.forward?.steps[4].inputs == [.step(1), .step(3)])
  }

  @Test func refusesByNameWhatItWouldGetWrong() throws {
    let path = KerasFixture.path("refused_selu.h5")
    let error = #expect(throws: RNNError.self) { try KerasFixture.open("refused_selu.h5") }
    #expect(
      error.map { "\($0)" } == "\(path): layer selu: the activation \"selu\", which RNNKit does not know; "
        + "use one of Keras' plain activations")
  }
}
