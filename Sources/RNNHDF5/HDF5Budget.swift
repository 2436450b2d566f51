import RNNModel

/// The resources that one file may still use.
struct HDF5Budget {
  /// Links and attributes.
  private var objects = Limits.maximumTensorCount
  /// Bytes of attributes and string datasets in memory.
  private(set) var metadata = Limits.maximumHeaderSize
  /// Bytes of tensors that are unpacked or converted.
  private var unpacked: Int
  /// Bytes of datasets reached through additional links, beyond the first.
  private var repeated: Int

  /// Memory of one attribute value, not counting a string's bytes.
  static let bytesPerValue = 64

  init(fileSize: Int) {
    let (inflated, overflow) = fileSize.multipliedReportingOverflow(by: Limits.maximumInflationRatio)
    unpacked = max(overflow ? Int.max : inflated, Limits.maximumUnstoredSize)
    let (shared, unlimited) = fileSize.multipliedReportingOverflow(by: Limits.maximumSharing)
    repeated = max(unlimited ? Int.max : shared, Limits.maximumUnstoredSize)
  }

  /// False if the file has too many links and attributes.
  mutating func takeObject() -> Bool {
    objects -= 1
    return objects >= 0
  }

  mutating func takeMetadata(_ byteCount: Int, at place: String) throws(RNNError) {
    guard byteCount <= metadata else {
      throw RNNError(.badData, place: place,
        "attributes and strings take more than \(Limits.maximumHeaderSize >> 20) MiB",
        remedy: "remove what does not belong to the model")
    }
    metadata -= byteCount
  }

  mutating func takeUnpacked(_ byteCount: Int, at place: String) throws(RNNError) {
    guard byteCount <= unpacked else {
      throw RNNError(.badData, place: place,
        "the file's datasets unpack to more than \(Limits.maximumInflationRatio) times its size",
        remedy: "if it is meant so, store them without compression: h5repack -f NONE")
    }
    unpacked -= byteCount
  }

  mutating func takeRepeated(_ byteCount: Int, at place: String) throws(RNNError) {
    guard byteCount <= repeated else {
      throw RNNError(.badData, place: place,
        "links that lead to the same datasets make them more than \(Limits.maximumSharing) times the file's size",
        remedy: "remove the links that are not needed")
    }
    repeated -= byteCount
  }

  static func tooMany(at place: String) -> RNNError {
    RNNError(.badData, place: place, "more than \(Limits.maximumTensorCount) links and attributes",
      remedy: "split the file")
  }
}
