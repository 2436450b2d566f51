import Foundation
import RNNFormats
import RNNHDF5
import RNNKit
import Testing

/// Against `Fixtures/keras`, made by Keras 3 or from the formulas of Keras 1 and 2 (`Fixtures/make_keras_files.py`).
enum KerasFixture {
  static let registry = FormatRegistry.standard.adding(HDF5Format.self).adding(KerasFormat.self)
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Fixtures/keras")

  static func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

  static func open(_ name: String, ignoring: Set<Departure.Kind> = []) throws -> ModelFile {
    try ModelFile.open(path(name), options: ModelOptions(ignoring: ignoring), registry: registry)
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
    let file = try KerasFixture.open("\(name).\(kind)", ignoring: name == "functional" ? [.masks] : [])
    let arrays = try KerasFixture.arrays("\(name).npz")
    let input = try #require(arrays["input"])
    let expected = try #require(arrays["y"])
    let lengths = try arrays["lengths"].map { try Plan.lengths($0) }
    let found = try #require(try Plan(file.model).run(input, lengths: lengths).last)
    #expect(found.shape == expected.shape)
    let difference = zip(found.doubles, expected.doubles).map { abs($0 - $1) }.max() ?? .infinity
    #expect(difference < (found.elementType == .float64 ? 1e-13 : 2e-6))
  }

  @Test func tellsTheLayersApart() throws {
    let modules = try KerasFixture.open("stack.keras").model.architecture.modules
    #expect(
      modules.map(\.description) == [
        "Embedding(7, 3)", "LSTM(3, 4, bidirectional=True)", "GRU(8, 3)",
        "Linear(in_features=3, out_features=5, bias=True) -> relu",
        "RNN(5, 2, nonlinearity=relu, returns_sequence=False)",
        "Linear(in_features=2, out_features=1, bias=True) -> sigmoid",
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
        "only weights are stored: activations are taken to be Keras 2.2's defaults (gates hard_sigmoid, "
          + "dense layers linear), and layers to give every step"))
    #expect(file.model.architecture.batchFirst, "as Keras always has it")
  }

  @Test func carriesWhatItCannotRun() throws {
    let file = try KerasFixture.open("carried.h5")
    #expect(
      file.model.architecture.modules.map { if case .unknown = $0 { false } else { true } } == [
        false, true, false, true,
      ])
    #expect(
      file.model.carried.map(\.name) == [
        "conv1d.kernel", "conv1d.bias", "layer_normalization.gamma", "layer_normalization.beta",
      ])
    #expect(
      file.notes.contains(
        "conv1d is a layer of class Conv1D, which cannot be run; its arrays are carried as Keras has them"))
  }

  @Test func leavesTheOrderOpenWhereLayersBranch() throws {
    let file = try KerasFixture.open("branches.h5")
    #expect(!file.model.architecture.orderKnown)
    #expect(
      file.notes.contains(
        "the model is no chain of layers: concatenate has 2 inputs; choose modules with --module"))
  }

  @Test(arguments: [
    (
      "refused_sum",
      "layer sum: merge_mode \"sum\", of Bidirectional's modes RNNKit has only \"concat\"; "
        + "train it with concat"
    ),
    (
      "refused_backwards",
      "layer backwards: go_backwards with return_sequences, whose output runs backwards; "
        + "use Bidirectional, or return_sequences=False"
    ),
    (
      "refused_gelu",
      "layer gelu: the activation \"gelu\", which RNNKit does not know; "
        + "use one of Keras' plain activations"
    ),
  ])
  func refusesByNameWhatItWouldGetWrong(name: String, message: String) throws {
    let path = KerasFixture.path("\(name).h5")
    do {
      _ = try KerasFixture.open("\(name).h5")
      Issue.record("accepted")
    } catch {
      #expect("\(error)" == "\(path): \(message)")
    }
  }
}
