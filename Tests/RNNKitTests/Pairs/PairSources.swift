import Foundation
import RNNFormats
import RNNHDF5
import RNNKit
import RNNONNX

/// The containers that are read and those that are written, with models in them.
enum PairSources {
  static let registry = FormatRegistry.standard.adding(HDF5Format(HDF5File())).adding(KerasFormat(HDF5File()))
    .adding(KerasH5Format(HDF5File())).adding(ONNXFormat())

  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// A model under a name that tells where it comes from.
  typealias Named = (name: String, model: Model)

  /// The samples, as their makers wrote them.
  static let samples: [Named] = {
    let folder = root.appendingPathComponent("SampleModels")
    let files = FileManager.default.enumerator(atPath: folder.path)?.compactMap { $0 as? String } ?? []
    return files.filter { $0.hasSuffix(".h5") && !$0.hasPrefix("plain/") && !$0.hasPrefix("rename/") }.sorted()
      .compactMap { file in
        (try? ModelFile.open(folder.appendingPathComponent(file).path, registry: registry)).map {
          (String(file.dropLast(3)), $0.model)
        }
      }
  }()

  /// The containers that are written, by the extension that a user gives.
  static let writers: [(name: String, format: any ModelFormat)] = [
    ("native", NativeFormat()), ("HDF5", HDF5Format(HDF5File())), ("PyTorch", TorchFormat()),
    ("safetensors", SafetensorsFormat()), ("NPZ", NPZFormat()), ("ONNX", ONNXFormat()),
    ("JSON state_dict", StateDictJSONFormat()), ("Keras .keras", KerasFormat(HDF5File())),
    ("Keras .h5", KerasH5Format(HDF5File())), ("RTNeural", RTNeuralFormat()), ("AIDA-X", AIDAXFormat()),
  ]

  /// Files that other programs wrote, or as they write them, by container. Each must be a model.
  static let others: [(container: String, folder: String, files: [String])] = [
    ("HDF5, plain dumps", "SampleModels/plain",
      ["flat.h5", "grouped.h5", "chunked.h5", "new_format.h5", "big_endian.h5", "float16.h5", "float64.h5"]),
    ("PyTorch: checkpoint, Parameters, shared storage, big-endian", "Tests/RNNFormatsTests/Fixtures/torch",
      ["state_dict.pt", "protocol4.pt", "no_crc.pt", "parameters.pt", "checkpoint.pt", "flat.pt",
        "state_dict_big_endian.pt"]),
    ("PyTorch, legacy pickle and tar", "Tests/RNNFormatsTests/Fixtures/torch",
      ["legacy.pt", "flat_legacy.pt", "python2.pt", "tar.pt"]),
    ("TorchScript", "Tests/RNNFormatsTests/Fixtures/torch", ["script.pt", "script_cell.pt", "trace.pt", "trace_relu.pt"]),
    ("safetensors, sharded", "Tests/RNNFormatsTests/Fixtures", ["sharded/model.safetensors.index.json"]),
    ("Keras 1", "Tests/RNNKitTests/Fixtures/keras", ["keras1.h5", "keras1_weights.h5"]),
    ("Keras 2", "Tests/RNNKitTests/Fixtures/keras",
      ["keras22_bidirectional.h5", "keras22_functional.h5", "keras22_weights.h5", "keras23_weights.h5", "cudnn.h5",
        "cudnn_weights.h5"]),
    ("Keras 3", "Tests/RNNKitTests/Fixtures/keras",
      ["bidirectional.h5", "double.h5", "functional.h5", "plain.h5", "stack.h5", "variants.h5", "bidirectional.keras",
        "double.keras", "functional.keras", "plain.keras", "stack.keras", "variants.keras", "plain.weights.h5"]),
    ("ONNX of exporters and by hand", "Tests/RNNONNXTests/Fixtures", exports),
    ("RTNeural, AIDA-X", "Tests/RNNFormatsTests/Fixtures/json", ["rtneural_lstm.json", "rtneural_gru.json", "aidax.json"]),
    ("GuitarML", "Tests/RNNFormatsTests/Fixtures/json", ["guitarml.json"]),
    (".nam", "Tests/RNNFormatsTests/Fixtures/json", ["lstm.nam"]),
  ]

  /// ONNX graphs with their weights in them.
  private static var exports: [String] {
    let folder = root.appendingPathComponent("Tests/RNNONNXTests/Fixtures").path
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return files.filter { $0.hasSuffix(".onnx") }.sorted()
  }

  /// Writes a model to a file without a name: thousands of them need not reach the disk. Throws the container's refusal.
  static func write(_ model: Model, as format: any ModelFormat) throws(RNNError) -> InputFile {
    let scratch = try ScratchFile()
    var output = OutputFile(borrowing: scratch.descriptor, name: "model")
    try format.checkClasses(of: model)
    try format.write(model, to: &output)
    try output.commit()
    return try InputFile("/dev/fd/\(scratch.descriptor)")
  }

  /// Reads a file that `write` gave, recognised by content.
  static func read(_ file: InputFile) throws(RNNError) -> Model { try Interpretation(registry.read(file)).model }
}
