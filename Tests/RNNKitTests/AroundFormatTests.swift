import Foundation
import RNNKit
import RNNONNX
import Testing

/// Convolutions, pools, norms and reductions as other formats have them, against Keras and ONNX Runtime; see
/// Fixtures/make_around_formats.py.
@Suite struct AroundFormatTests {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Fixtures/around_formats")

  static func error(of model: Model, _ path: URL) throws -> Double {
    let arrays = try ArrayRegistry.standard.read(InputFile(path.deletingPathExtension().appendingPathExtension("npz").path))
    let input = try #require(arrays.first { $0.name == "input" }?.tensor)
    let expected = try #require(arrays.first { $0.name == "y" }?.tensor)
    let found = try #require(try Plan(model).run(input).last)
    try #require(found.shape == expected.shape)
    return (zip(found.doubles, expected.doubles).map { abs($0 - $1) }.max() ?? .infinity) / max(1, expected.doubles.map(abs).max() ?? 0)
  }

  @Test(arguments: [
    "rtneural_conv.json", "keras_conv.keras", "keras_pools.keras", "keras_attention.keras", "conv_same.onnx", "conv_pool.onnx",
    "conv_stride.onnx", "attention_pooling.onnx", "global_pool.onnx",
  ])
  func computesWhatTheFormatsOwnRuntimesDo(_ name: String) throws {
    let path = Self.folder.appendingPathComponent(name)
    let model = try ModelFile.open(path.path, registry: PairSources.registry).model
    #expect(try Self.error(of: model, path) <= 1e-6)
  }

  /// RTNeural's layers written and read again.
  @Test func writesConvolutionsForRTNeural() throws {
    let path = Self.folder.appendingPathComponent("rtneural_conv.json")
    let model = try ModelFile.open(path.path, registry: PairSources.registry).model
    let back = try PairSources.read(PairSources.write(model, as: RTNeuralFormat()))
    #expect(back.architecture == model.architecture)
    #expect(try Self.error(of: back, path) <= 1e-6)
  }

  /// Every model that PyTorch made of such steps, written as ONNX and read again. That ONNX Runtime computes the same is
  /// Tests/Interop's to say.
  @Test func comesBackFromONNX() throws {
    let folder = Self.folder.deletingLastPathComponent().appendingPathComponent("around")
    let text = try String(contentsOf: folder.appendingPathComponent("cases.json"), encoding: .utf8)
    let cases = try #require(JSONValue(parsing: text).members)
    #expect(cases.count >= 33)
    for wanted in cases {
      let path = folder.appendingPathComponent(wanted.key + ".pt").path
      let options = ModelOptions(batchFirst: wanted.value["batch_first"] == .bool(true), forward: wanted.value["forward"]?.string)
      let model = try ModelFile.open(path, options: options).model
      let back = try PairSources.read(PairSources.write(model, as: ONNXFormat()))
      #expect(back.architecture == model.architecture, "\(wanted.key)")
      for tensor in model.archive.tensors {
        #expect(back.archive[tensor.name]?.isIdentical(to: tensor.tensor) == true, "\(wanted.key), \(tensor.name)")
      }
    }
  }

  /// A graph that was changed after it was written is not taken for what its architecture says.
  @Test func refusesAChangedGraph() throws {
    let path = Self.folder.appendingPathComponent("rtneural_conv.json")
    let model = try ModelFile.open(path.path, registry: PairSources.registry).model
    let written = try PairSources.write(model, as: ONNXFormat())
    var bytes = written.withUnsafeBytes { Data($0) }
    let place = try #require(bytes.range(of: Data("strides".utf8)))
    bytes.replaceSubrange(place, with: Data("stride_".utf8))
    let changed = FileManager.default.temporaryDirectory.appendingPathComponent("changed-\(UUID().uuidString).onnx")
    defer { try? FileManager.default.removeItem(at: changed) }
    try bytes.write(to: changed)
    let error = #expect(throws: RNNError.self) { try ModelFile.open(changed.path, registry: PairSources.registry) }
    #expect(error?.kind == .badData)
  }
}
