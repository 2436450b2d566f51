import RNNModel

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
