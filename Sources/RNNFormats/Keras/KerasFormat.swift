import RNNModel

/// Keras 3's `.keras`: a zip of `metadata.json`, `config.json` and `model.weights.h5`.
///
/// Keras' own HDF5 files, whole models and weights, are read as `hdf5`.
public enum KerasArchiveFormat<HDF5: HDF5Access>: ModelFormat {
  public static var name: String { "keras" }
  public static var summary: String { "Keras 3's .keras, a chain of recurrent, dense and embedding layers" }
  public static var fileExtensions: [String] { ["keras"] }
  public static var canWrite: Bool { false }

  public static func recognizes(_ file: InputFile) -> Bool {
    guard file.withUnsafeBytes({ ZipArchive.begins($0) }), let zip = try? ZipArchive(file.storage) else { return false }
    return zip["config.json"] != nil && zip["model.weights.h5"] != nil
  }

  public static func read(_ file: InputFile) throws(RNNError) -> TensorArchive {
    let zip = try ZipArchive(file.storage)
    let config = try json("config.json", of: zip)
    let metadata = try json("metadata.json", of: zip)
    guard let text = metadata["keras_version"]?.string, let version = KerasVersion(text) else {
      throw RNNError(.badData, place: "member metadata.json", "no keras_version", remedy: "save the model again with Keras")
    }
    let weights = InputFile(try zip.bytes(of: member("model.weights.h5", of: zip)), name: "model.weights.h5")
    let tree: HDF5Tree
    do throws(RNNError) { tree = try HDF5.readTree(weights) } catch {
      var error = error
      error.file = nil
      error.place = ["member model.weights.h5", error.place].compactMap { $0 }.joined(separator: ", ")
      throw error
    }
    var archive = try KerasReader.archive(tree, config: config, version: version)
    archive.metadata.insert(.init("keras_version", .string(text)), at: 0)
    return archive
  }

  public static func write(_ model: Model, to file: inout OutputFile) throws(RNNError) {
    throw RNNError(.usage, "keras can be read but not written", remedy: "write another format")
  }

  private static func member(_ name: String, of zip: ZipArchive) throws(RNNError) -> ZipEntry {
    guard let entry = zip[name] else {
      throw RNNError(.badData, place: "member \(name)", "missing", remedy: "save the model again with Keras")
    }
    return entry
  }

  private static func json(_ name: String, of zip: ZipArchive) throws(RNNError) -> JSONValue {
    let entry = try member(name, of: zip)
    guard entry.count <= Limits.maximumHeaderSize else {
      throw RNNError(.badData, place: "member \(name)",
        "\(entry.count) bytes, more than the limit of \(Limits.maximumHeaderSize)", remedy: "save the model again with Keras")
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
