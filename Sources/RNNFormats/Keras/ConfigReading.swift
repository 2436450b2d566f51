import RNNModel

/// A format whose weights may come without the config that says what is computed with them, in a file of its own.
package protocol ConfigReading: ModelFormat {
  /// The same as `read(_:)`, with the config's JSON: Keras' `model.to_json()`. Throws `usage` where the file has its own, or
  /// holds no Keras weights.
  static func read(_ file: InputFile, config: JSONValue) throws(RNNError) -> TensorArchive
}

extension HDF5ModelFormat: ConfigReading {
  package static func read(_ file: InputFile, config: JSONValue) throws(RNNError) -> TensorArchive {
    try Access.readTree(file).archive { (tree) throws(RNNError) in
      guard KerasTree.recognizes(tree) else {
        throw RNNError(.usage, "a config is of Keras' weights, and the file holds others", remedy: "leave \(.config) out")
      }
      return try KerasReader.archive(tree, companion: config)
    }
  }
}

extension JSONValue {
  /// Reads a config's file. Throws `badData` for what is no JSON or larger than `Limits.maximumHeaderSize`.
  package init(config file: InputFile) throws(RNNError) {
    do throws(RNNError) {
      guard file.count <= Limits.maximumHeaderSize else {
        throw RNNError(
          .badData, "\(file.count) bytes, more than the limit of \(Limits.maximumHeaderSize)",
          remedy: "give the JSON that model.to_json() makes")
      }
      self = try file.withUnsafeBytes { (bytes) throws(RNNError) in try JSONValue(parsing: bytes) }
      guard self["config"] != nil else {
        throw RNNError(.badData, "no config of a Keras model", remedy: "give the JSON that model.to_json() makes")
      }
    } catch {
      throw error.inFile(file.path)
    }
  }
}
