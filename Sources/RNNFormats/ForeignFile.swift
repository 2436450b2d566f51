import RNNModel

/// A kind of file that cannot be read as a model, recognised by content, so that an error can name it and the next step.
package struct ForeignFile: Sendable, Hashable {
  /// `a tar archive`
  package let name: String
  package let remedy: Phrase

  package var error: RNNError { RNNError(.badData, Phrase(name), remedy: remedy) }

  init(_ name: String, remedy: Phrase) {
    (self.name, self.remedy) = (name, remedy)
  }

  /// Identifies a file; nil for unknown kinds. `file` may be anything.
  ///
  /// - Parameter holdingArrays: Whether to report files of plain arrays too, which are not models.
  package static func recognize(_ file: InputFile, holdingArrays: Bool = true) -> ForeignFile? {
    guard file.count > 0 else { return nil }
    return file.withUnsafeBytes { bytes in
      for kind in kinds where kind.signature.starts(in: bytes) { return kind.file }
      if ZipArchive.begins(bytes) { return archive(file) }
      return text(bytes, file) ?? (holdingArrays ? array(bytes, file) : nil) ?? message(bytes)
        ?? checkpoint(bytes, file.path)
    }
  }

  // MARK: Signatures

  private struct Signature {
    var offset: Int
    var bytes: [UInt8]

    init(_ text: String, at offset: Int = 0) { (self.offset, bytes) = (offset, Array(text.utf8)) }
    init(_ bytes: UInt8...) { (offset, self.bytes) = (0, bytes) }

    func starts(in file: UnsafeRawBufferPointer) -> Bool { file.dropFirst(offset).starts(with: bytes) }
  }

  private static func packed(_ name: String, _ tool: String) -> ForeignFile {
    ForeignFile(name, remedy: "unpack it and give the model's own file: \(tool)")
  }

  private static func other(_ name: String) -> ForeignFile {
    ForeignFile(name, remedy: "give the file of the model's weights; \(.formats) lists the kinds")
  }

  private static func converted(_ name: String) -> ForeignFile {
    ForeignFile(name, remedy: "use the file of the framework or the ONNX file that it was converted from")
  }

  private static let kinds: [(signature: Signature, file: ForeignFile)] = [
    (Signature("\u{7F}ELF"), other("a program or library (ELF)")), (Signature("%PDF"), other("a PDF document")),
    (Signature(0x89, 0x50, 0x4E, 0x47), other("an image (PNG)")), (Signature(0xFF, 0xD8, 0xFF), other("an image (JPEG)")),
    (
      Signature("PAR1"),
      ForeignFile("a Parquet table", remedy: "give a run's input as .npy or .csv: in Python pandas.read_parquet(FILE).to_csv(\"x.csv\", index=False)")
    ),
    (Signature(0x1F, 0x8B, 0x08), packed("compressed with gzip", "tar -xzf for a .tar.gz or .tgz, gunzip for others")),
    (Signature("BZh"), packed("compressed with bzip2", "tar -xjf for a .tar.bz2, bunzip2 for others")),
    (Signature(0xFD, 0x37, 0x7A, 0x58, 0x5A, 0), packed("compressed with xz", "tar -xJf for a .tar.xz, unxz for others")),
    (Signature(0x28, 0xB5, 0x2F, 0xFD), packed("compressed with zstd", "unzstd, then tar -xf for a .tar.zst")),
    (Signature(0x04, 0x22, 0x4D, 0x18), packed("compressed with lz4", "unlz4, then tar -xf for a .tar.lz4")),
    (Signature(0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C), packed("a 7z archive", "7z x")),
    (Signature("Rar!\u{1A}\u{7}"), packed("a rar archive", "unrar x")),
    (Signature("ustar", at: 257), packed("a tar archive", "tar -xf")),
    (Signature("TFL3", at: 4), converted("a TensorFlow Lite model")),
    (Signature("ET12", at: 4), converted("an ExecuTorch program")),
    (Signature("GGUF"), converted("a GGUF file, as llama.cpp has them")),
    (
      Signature("MATLAB 5.0 MAT-file"),
      ForeignFile(
        "a MATLAB file", remedy: """
          in Python: numpy.savez("model.npz", **{k: v for k, v in scipy.io.loadmat(FILE).items() if not k.startswith("_")})
          """)
    ),
  ]

  // MARK: Text

  /// The number of bytes of text that are examined.
  private static let head = 4096

  private static func text(_ bytes: UnsafeRawBufferPointer, _ file: InputFile) -> ForeignFile? {
    let head = bytes.prefix(head)
    guard head.allSatisfy({ $0 >= 0x20 || [0x09, 0x0A, 0x0C, 0x0D].contains($0) }) else { return nil }
    let text = String(decoding: head, as: UTF8.self)
    let start = text.drop { $0.isWhitespace || $0 == "\u{FEFF}" }.prefix(64).lowercased()
    if text.hasPrefix("version https://git-lfs.github.com/spec/") {
      let size = text.split(separator: "\n").first { $0.hasPrefix("size ") }?.dropFirst(5)
      return ForeignFile(
        "a git-lfs pointer, which stands for a file\(size.map { " of \($0.prefix(20)) bytes" } ?? "")",
        remedy: "get the file itself: git lfs pull, or download it from the repository's page")
    }
    if start.hasPrefix("<!doctype html") || start.hasPrefix("<html") {
      return ForeignFile(
        "a web page (HTML), which was saved in the place of a file",
        remedy: "download the file itself, by its own link (\"raw\" or \"download\")")
    }
    if text.contains("<net ") && text.contains("<layers>") { return converted("an OpenVINO model") }
    if text.hasPrefix("model_checkpoint_path:") { return checkpoint }
    return start.hasPrefix("{") ? json(file) : isPython(text) ? .python : nil
  }

  /// An array or a table of unnamed numbers.
  private static func array(_ bytes: UnsafeRawBufferPointer, _ file: InputFile) -> ForeignFile? {
    let isNumPy = NPYFormat().recognizes(file)
    let isText = bytes.prefix(head).allSatisfy { byte in
      (0x30...0x39).contains(byte) || " \t\r\n+-.,;eE[]\"".utf8.contains(byte)
    }
    guard isNumPy || isText else { return nil }
    return ForeignFile(
      "\(isNumPy ? "a NumPy array" : "numbers") without the names that a model's tensors have",
      remedy: "give an input to \(.inputs), and a model's arrays under their names: numpy.savez(\"model.npz\", **arrays)")
  }

  private static func json(_ file: InputFile) -> ForeignFile? {
    if let capture = capture(file) { return capture }
    if file.json.has("nbformat", "cells") { return .notebook }
    if file.json.has("class_name", "config") {
      return ForeignFile(
        "the config of a Keras model, without its weights",
        remedy: "save the whole model: model.save(\"model.keras\"), or give the file of its weights")
    }
    if file.json.has("modelTopology") || file.json.has("weightsManifest") {
      return converted("a TensorFlow.js model")
    }
    if file.json.has("architectures") || file.json.has("model_type") {
      return ForeignFile(
        "a configuration, without weights", remedy: "give the file of the weights beside it, such as model.safetensors")
    }
    return ForeignFile(
      "JSON, but none of the kinds that RNNKit reads",
      remedy: "see \(.formats): a state_dict as nested lists, RTNeural, AIDA-X, GuitarML or .nam")
  }

  // MARK: TensorFlow and Core ML

  private static let checkpoint = ForeignFile(
    "part of a TensorFlow checkpoint",
    remedy: "load it into its Keras model and save that: model.load_weights(PREFIX); model.save(\"model.keras\")")

  private static func message(_ bytes: UnsafeRawBufferPointer) -> ForeignFile? {
    let fields = WireFields(bytes)
    if fields.areSavedModel {
      return ForeignFile(
        "a TensorFlow SavedModel", remedy: """
          save the Keras model that it was made from: model.save("model.keras"), or convert it: \
          python3 -m tf2onnx.convert --saved-model FOLDER --output model.onnx
          """)
    }
    if fields.areMetaGraph { return checkpoint }
    if fields.areGraphDef {
      return ForeignFile(
        "a frozen TensorFlow graph (GraphDef)", remedy: """
          save the Keras model that it was made from: model.save("model.keras"), or convert it: \
          python3 -m tf2onnx.convert --graphdef FILE --inputs NAME:0 --outputs NAME:0 --output model.onnx
          """)
    }
    return fields.areCoreML ? converted("a Core ML model") : nil
  }

  /// A checkpoint's index, which ends like a LevelDB table, or its data, which only the file's name identifies.
  private static func checkpoint(_ bytes: UnsafeRawBufferPointer, _ path: String) -> ForeignFile? {
    let magic: [UInt8] = [0x57, 0xFB, 0x80, 0x8B, 0x24, 0x75, 0x47, 0xDB]
    return bytes.suffix(8).elementsEqual(magic) || path.contains(".data-00000-of-") ? checkpoint : nil
  }
}
