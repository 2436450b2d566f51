import RNNFormats
import RNNModel

extension Model {
  /// Opens a model file of any format of the registry; `ModelFile.open` has more options and gives what was read with it.
  ///
  ///     let model = try Model.open("model.rnn")
  ///     let other = try Model.open("model.pt") { print("note:", $0) }
  ///
  /// - Parameters:
  ///   - path: the file's path.
  ///   - registry: the formats to try.
  ///   - noting: gets what had to be assumed and what was passed over, a sentence each. Without it, a file of which
  ///   there is something to say is refused, so that no assumption goes unseen.
  /// - Throws: `RNNError` where the file cannot be opened, is damaged, is of no format, or is no model.
  public static func open(
    _ path: String, registry: FormatRegistry = .standard, noting: ((Phrase) -> Void)? = nil
  ) throws(RNNError) -> Model {
    try open(InputFile(path), registry, noting)
  }

  /// The same of a file's bytes, which are copied.
  public static func open(
    bytes: [UInt8], registry: FormatRegistry = .standard, noting: ((Phrase) -> Void)? = nil
  ) throws(RNNError) -> Model {
    try open(bytes.withUnsafeBytes { InputFile(copying: $0, name: "bytes") }, registry, noting)
  }

  private static func open(_ file: InputFile, _ registry: FormatRegistry, _ noting: ((Phrase) -> Void)?) throws(RNNError) -> Model {
    let file = try TensorFile(file, registry: registry).model()
    for note in file.notes {
      guard let noting else {
        throw RNNError(.badData, file: file.path, note, remedy: "say it with the options of ModelFile.open, or take it with noting:")
      }
      noting(note)
    }
    return file.model
  }
}
