import RNNModel

/// Keras 3's `.keras`: a zip of `metadata.json`, `config.json` and `model.weights.h5`.
///
/// Keras' own HDF5 files, whole models and weights, are read as `hdf5`.
public struct KerasFormat: ModelFormat {
  private let hdf5: any HDF5Access

  /// - Parameter hdf5: How HDF5 files are read and written.
  public init(_ hdf5: any HDF5Access = HDF5Process()) { self.hdf5 = hdf5 }

  public let name = "keras"
  public let summary = "Keras 3's .keras: SimpleRNN, LSTM, GRU, Bidirectional, Dense, Embedding"
  public var exceptions: String { KerasOutline.exceptions }
  public let fileExtensions = ["keras"]

  public func open(_ file: InputFile, isNamed: Bool) throws(RNNError) -> OpenedFile? {
    guard isNamed || file.withUnsafeBytes({ ZipArchive.begins($0) }) else { return nil }
    let zip: ZipArchive
    do throws(RNNError) { zip = try file.zip() } catch {
      guard isNamed else { return nil }
      throw error
    }
    guard isNamed || zip["config.json"] != nil && zip["model.weights.h5"] != nil else { return nil }
    return OpenedFile { (_) throws(RNNError) in try archive(zip) }
  }

  private func archive(_ zip: ZipArchive) throws(RNNError) -> TensorArchive {
    let config = try Self.json("config.json", of: zip)
    let metadata = try Self.json("metadata.json", of: zip)
    guard let text = metadata["keras_version"]?.string, let version = KerasVersion(text) else {
      throw RNNError(
        .badData, place: "member metadata.json", "no keras_version", remedy: "save the model again with Keras")
    }
    let weights = InputFile(try zip.bytes(of: Self.member("model.weights.h5", of: zip)), name: "model.weights.h5")
    let tree: HDF5Tree
    do throws(RNNError) { tree = try hdf5.readTree(weights) } catch {
      var error = error
      error.file = nil
      error.place = ["member model.weights.h5", error.place].compactMap { $0 }.joined(separator: ", ")
      throw error
    }
    var archive = try tree.archive(in: "member model.weights.h5") { (tree) throws(RNNError) in
      try KerasReader.archive(tree, config: config, version: version, names: metadata[KerasWriter.namesKey])
    }
    archive.metadata.insert(.init("keras_version", .string(text)), at: 0)
    return archive
  }

  public func write(_ model: Model, to file: inout OutputFile) throws(RNNError) {
    let writer = try KerasWriter(model)
    var zip = ZipWriter()
    try zip.add("metadata.json", Array(writer.metadata.text.utf8), to: &file)
    try zip.add("config.json", Array(writer.archiveConfig.text.utf8), to: &file)
    // HDF5 is written at the start of a file: one without a name, which is copied from.
    let scratch = try ScratchFile()
    var inner = OutputFile(borrowing: scratch.descriptor, name: file.path)
    try hdf5.write(writer.archiveWeights(), to: &inner)
    let weights = try InputFile("/dev/fd/\(scratch.descriptor)")
    try zip.add("model.weights.h5", count: weights.count, to: &file) { (zip, file) throws(RNNError) in
      try weights.storage.forEachPiece(of: 0..<weights.count) { (piece) throws(RNNError) in try zip.write(piece, to: &file) }
    }
    withExtendedLifetime(scratch) {}
    try zip.finish(&file)
  }

  public let holdsEverything = false

  public func notes(writing model: Model) -> [Phrase] { KerasOutline.notes(model) }

  private static func member(_ name: String, of zip: ZipArchive) throws(RNNError) -> ZipEntry {
    guard let entry = zip[name] else {
      throw RNNError(.badData, place: "member \(name)", "missing", remedy: "save the model again with Keras")
    }
    return entry
  }

  private static func json(_ name: String, of zip: ZipArchive) throws(RNNError) -> JSONValue {
    let entry = try member(name, of: zip)
    guard entry.count <= Limits.maximumHeaderSize else {
      throw RNNError(
        .badData, place: "member \(name)",
        "\(entry.count) bytes, more than the limit of \(Limits.maximumHeaderSize)",
        remedy: "save the model again with Keras")
    }
    return try zip.bytes(of: entry).withUnsafeBytes { (bytes) throws(RNNError) in
      do throws(RNNError) { return try JSONValue(parsing: bytes) } catch {
        var error = error
        error.place = ["member \(name)", error.place].compactMap { $0 }.joined(separator: ", ")
        throw error
      }
    }
  }
}

/// Keras' whole model as HDF5: Keras 2's layout and style of config, which Keras 3 loads.
public struct KerasH5Format: ModelFormat {
  private let hdf5: any HDF5Access

  /// - Parameter hdf5: How HDF5 files are read and written.
  public init(_ hdf5: any HDF5Access = HDF5Process()) { self.hdf5 = hdf5 }

  public let name = "keras-h5"
  public let summary = "Keras' whole model as HDF5, in Keras 2's layout, which Keras 3 loads; read as hdf5"
  public var exceptions: String { KerasOutline.exceptions }
  public let fileExtensions = ["keras.h5"]

  /// Only where it is named: HDF5 is read as `hdf5`, whatever is in it.
  public func open(_ file: InputFile, isNamed: Bool) throws(RNNError) -> OpenedFile? {
    guard isNamed else { return nil }
    return OpenedFile { (_) throws(RNNError) in
      let tree = try hdf5.readTree(file)
      guard KerasTree.recognizes(tree) else {
        throw RNNError(.badData, "an HDF5 file that is none of Keras", remedy: "leave \(.format) out")
      }
      return try tree.archive { (tree) throws(RNNError) in try KerasReader.archive(tree) }
    }
  }

  public func write(_ model: Model, to file: inout OutputFile) throws(RNNError) {
    try hdf5.write(KerasWriter(model).wholeModel(), to: &file)
  }

  public let holdsEverything = false

  public func notes(writing model: Model) -> [Phrase] { KerasOutline.notes(model) }
}
