import Foundation
import RNNKit
import Testing

/// Files that are no models, or not read as such: each is called what it is, with the next step. Those in Fixtures/foreign
/// were made by the programs that they are of (make.py beside them).
@Suite struct ForeignFileTests {
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  private static let folder = Command.root.appendingPathComponent("Tests/RNNFormatsTests/Fixtures/foreign")

  /// The message for a model, without the file's name; the same from inspect, convert and verify.
  private func message(_ path: String) throws -> String {
    let messages = try [["inspect", path], ["convert", path, scratch.path("o.rnn")], ["verify", path]]
      .map { try Refusal.of($0, status: 65, in: scratch) }
    #expect(Set(messages).count == 1)
    #expect(messages[0].hasPrefix("\(path): "))
    return String(messages[0].dropFirst(path.count + 2))
  }

  private func message(_ name: String, _ bytes: [UInt8]) throws -> String {
    try Data(bytes).write(to: scratch.url(name))
    return try message(scratch.path(name))
  }

  @Test(arguments: [
    ("saved_model.pb", "a TensorFlow SavedModel; save the Keras model that it was made from: model.save(\"model.keras\"), or "
      + "convert it: python3 -m tf2onnx.convert --saved-model FOLDER --output model.onnx"),
    ("frozen_model.pb", "a frozen TensorFlow graph (GraphDef); save the Keras model that it was made from: "
      + "model.save(\"model.keras\"), or convert it: python3 -m tf2onnx.convert --graphdef FILE --inputs NAME:0 --outputs "
      + "NAME:0 --output model.onnx"),
    ("lfs_pointer.keras", "a git-lfs pointer, which stands for a file of 201422578 bytes; get the file itself: git lfs pull, or "
      + "download it from the repository's page"),
    ("export.pt2", "a program of torch.export (.pt2); in PyTorch: torch.save(torch.export.load(FILE).state_dict, \"model.pt\")"),
  ])
  func namesWhatAFileIs(_ name: String, _ expected: String) throws {
    #expect(try message(Self.folder.appendingPathComponent(name).path) == expected)
  }

  /// Signatures, for which no program is needed.
  @Test(arguments: [
    ("a.gguf", "GGUF\u{3}", "a GGUF file"), ("a.tflite", "\u{1C}\u{0}\u{0}\u{0}TFL3", "a TensorFlow Lite model"),
    ("a.pte", "\u{1C}\u{0}\u{0}\u{0}ET12", "an ExecuTorch program"), ("a.bz2", "BZh91AY", "compressed with bzip2"),
    ("a.html", "\n <!DOCTYPE html><html><head>", "a web page (HTML)"),
    ("a.xml", "<?xml version=\"1.0\"?>\n<net name=\"a\" version=\"11\">\n<layers>", "an OpenVINO model"),
    ("checkpoint", "model_checkpoint_path: \"model\"\n", "part of a TensorFlow checkpoint"),
    ("model.json", #"{"class_name": "Sequential", "config": {"layers": []}}"#, "the config of a Keras model"),
    ("tfjs.json", #"{"format": "layers-model", "modelTopology": {}}"#, "a TensorFlow.js model"),
    ("config.json", #"{"architectures": ["X"], "model_type": "lstm"}"#, "a configuration, without weights"),
    ("other.json", #"{"a": "b"}"#, "JSON, but none of the kinds"),
    ("x.csv", "0.1,0.2\n0.3,-4e-3\n", "numbers without the names"), ("a.mat", "MATLAB 5.0 MAT-file, Platform", "a MATLAB file"),
    ("a.pdf", "%PDF-1.5\n", "a PDF document"), ("a.png", "\u{89}PNG\r\n\u{1A}\n", "an image (PNG)"), ("a.parquet", "PAR1", "a Parquet table"),
    ("train.ipynb", #"{"cells": [{"cell_type": "code"}], "metadata": {}, "nbformat": 4}"#, "a Jupyter notebook"),
    ("model.py", "# A model.\nimport torch\n\nclass Model(torch.nn.Module):\n  pass\n", "Python source, which holds no weights"),
    // As GuitarML's repositories have them.
    ("pedalnet.json", #"{"activation": "gated", "residual_channels": 16, "dilations": [1, 2], "variables": []}"#, "a WaveNet model of PedalNetRT or SmartAmp"),
    ("ts9.json", #"{"conv1d": {"bias:0": [0.5]}, "lstm": {"lstm_cell": {}}, "input_size": 120, "conv1d_stride": 12, "conv1d_1_stride": 12}"#, "a SmartAmpPro model"),
    ("empty.zip", "PK\u{5}\u{6}" + String(repeating: "\u{0}", count: 18), "an empty zip archive"),
  ])
  func namesWhatItsFirstBytesSay(_ name: String, _ text: String, _ expected: String) throws {
    // One byte a character, where all are so small.
    let bytes = text.unicodeScalars.compactMap { UInt8(exactly: $0.value) }
    let message = try message(name, bytes)
    #expect(message.hasPrefix(expected), "\(message)")
  }

  @Test func namesOneNumPyArrayAndATarArchive() throws {
    try ArrayFile.write([NamedTensor("", try tensor(noise(6), 2, 3))], scratch.path("x.npy"))
    #expect(try message(scratch.path("x.npy")).hasPrefix("a NumPy array without the names that a model's tensors have; "))
    #expect(try message("a.tar", [UInt8](repeating: 0, count: 257) + Array("ustar".utf8)).hasPrefix("tar, offset 0: the archive ends inside a header"))
    let table = [UInt8](repeating: 0, count: 40) + [0x57, 0xFB, 0x80, 0x8B, 0x24, 0x75, 0x47, 0xDB]
    #expect(try message("model.ckpt.index", table).hasPrefix("part of a TensorFlow checkpoint; "))
  }

  /// An object of scikit-learn's, as protocol 2 pickles it: its class, no arguments, its dictionary.
  @Test func namesPickledModelsOfScikitLearn() throws {
    let pickle = "\u{2}csklearn.linear_model._base\nLinearRegression\n)\u{81}}X\u{5}\u{0}\u{0}\u{0}coef_K\u{1}sb."
    let message = try message("model.pkl", [0x80] + pickle.unicodeScalars.compactMap { UInt8(exactly: $0.value) })
    #expect(message.hasPrefix("a pickled sklearn.linear_model._base.LinearRegression, which is not"))
    #expect(message.hasSuffix("; scikit-learn has no recurrent layers; where skorch or a wrapper holds one, save that: torch.save(net.module_.state_dict(), \"model.pt\")"))
  }

  @Test func namesTheFileInAFolder() throws {
    func refusal(_ names: String...) throws -> String {
      let folder = scratch.url("folder-\(names.joined(separator: "-"))")
      for name in names {
        let file = folder.appendingPathComponent(name)
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data().write(to: file)
      }
      let message = try Refusal.of(["inspect", folder.path], status: 66, in: scratch)
      #expect(message.hasPrefix("\(folder.path): "))
      return String(message.dropFirst(folder.path.count + 2)).replacing(folder.path, with: "FOLDER")
    }
    #expect(try refusal("saved_model.pb").hasSuffix("python3 -m tf2onnx.convert --saved-model FOLDER --output model.onnx"))
    #expect(try refusal("Manifest.json", "Data/x").hasPrefix("a Core ML package (a folder); "))
    #expect(try refusal("config.json", "model.safetensors") == "a folder; name the file in it: FOLDER/model.safetensors")
    #expect(try refusal("notes.txt") == "cannot be opened: Is a directory; name a file in it")
  }

  /// As ONNX, which it is taken for by its first bytes, it is not called damaged.
  @Test func callsNoOtherProtobufADamagedONNXFile() throws {
    let path = Self.folder.appendingPathComponent("saved_model.pb").path
    let message = try Refusal.of(["inspect", path, "--from", "onnx"], status: 65, in: scratch)
    #expect(message.hasPrefix("\(path): a TensorFlow SavedModel; "))
  }

  @Test func namesWhatIsNoInput() throws {
    for (name, word) in [("lfs_pointer.keras", "a git-lfs pointer"), ("medaka_model_pt.tar.gz", "compressed with gzip")] {
      let input = Self.folder.appendingPathComponent(name).path
      let run = ["run", Samples.path("lstm"), "--input", input, "--output", scratch.path("y.npy")]
      #expect(try Refusal.of(run, status: 65, in: scratch).hasPrefix("\(input): \(word)"))
    }
  }

  /// Names and shapes, which --rename needs.
  @Test func showsTheTensorsOfWhatIsNoModel() throws {
    let path = scratch.path("odd.npz")
    try ArrayFile.write(
      [NamedTensor("A", try tensor(noise(60), 20, 3)), NamedTensor("Bx", try tensor(noise(100), 20, 5)),
        NamedTensor("c", try tensor(noise(20), 20))], path)
    let result = try Command.run("inspect", path)
    #expect(result.status == 65 && result.errors.hasPrefix("rnn: \(path): no recurrent layer"), "\(result.errors)")
    #expect(
      result.output.hasSuffix("bytes\n\ntensors\n  A   (20, 3)  float32  240\n  Bx  (20, 5)  float32  400\n  c   (20,)    float32   80\n"),
      "\(result.output)")
    #expect(try Command.run("inspect", path, "--json").output.isEmpty)
  }
}
