import Foundation
import RNNFormats
import RNNHDF5
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

  /// What Keras has no layer for, and how that is said; nothing is written then.
  static let refusedByKeras = [
    "repeated": "Keras cannot hold a value repeated at every step of a sequence of any length: its RepeatVector has a number of steps",
    "conv_channels_first": "Keras cannot hold the step at(-1) where it stands",
    "conv_sequential": "Keras cannot hold the step at(-1) where it stands",
    "conv_reflect": "Keras cannot hold a convolution padded by reflect",
    "conv_replicate": "Keras cannot hold a convolution padded by replicate",
    "conv_circular": "Keras cannot hold a convolution padded by circular",
    "pools": "Keras cannot hold a pool padded by 1 and 1 steps",
    "pyramid": "Keras cannot hold steps joined to one, of a sequence of any length",
    "pool_dilated": "Keras cannot hold a pool of steps that stand apart, dilation=2",
    "attention_whole": "Keras cannot hold attention of one query for a whole sequence",
    "attention_pooling.h5": "Keras' .h5 cannot hold sum over time, which is no layer",
    "attention_spelled.h5": "Keras' .h5 cannot hold sum over time, which is no layer",
  ]

  /// The same, written for Keras and read again, gives the same bits, whole and by lengths. That Keras computes the same is
  /// Tests/Interop's to say.
  @Test(arguments: ["keras", "h5"])
  func comesBackFromKeras(_ kind: String) throws {
    let folder = Self.folder.deletingLastPathComponent().appendingPathComponent("around")
    let text = try String(contentsOf: folder.appendingPathComponent("cases.json"), encoding: .utf8)
    let format: any ModelFormat = kind == "keras" ? KerasFormat(HDF5File()) : KerasH5Format(HDF5File())
    // Keras has batches first.
    for wanted in try #require(JSONValue(parsing: text).members) where wanted.value["batch_first"] == .bool(true) {
      let path = folder.appendingPathComponent(wanted.key)
      let options = ModelOptions(batchFirst: true, forward: wanted.value["forward"]?.string)
      let model = try ModelFile.open(path.appendingPathExtension("pt").path, options: options).model
      let refusal = Self.refusedByKeras["\(wanted.key).\(kind)"] ?? Self.refusedByKeras[wanted.key]
      var written: InputFile?
      do throws(RNNError) {
        written = try PairSources.write(model, as: format)
      } catch {
        #expect(error.problem.description == refusal, "\(wanted.key)")
      }
      #expect((written == nil) == (refusal != nil), "\(wanted.key)")
      guard let written else { continue }
      let back = try PairSources.read(written)
      let arrays = try ArrayRegistry.standard.read(InputFile(path.appendingPathExtension("npz").path))
      let input = try #require(arrays.first { $0.name == "input" }?.tensor)
      for lengths in [nil, (0..<input.shape[0]).map { max(1, input.shape[1] - 3 * $0) }] {
        let expected = try #require(try Plan(model).run(input, lengths: lengths).last)
        #expect(try Plan(back).run(input, lengths: lengths).last?.isIdentical(to: expected) == true, "\(wanted.key)")
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
