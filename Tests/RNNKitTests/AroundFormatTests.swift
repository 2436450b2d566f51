import Foundation
import RNNKit
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
}
