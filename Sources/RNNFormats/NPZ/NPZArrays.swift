import RNNModel

/// The arrays of a `.npz` file, a zip archive whose members are `.npy` files.
enum NPZArrays {
  static let memberExtension = ".npy"
  /// Members from this size on are worth leaving packed.
  private static let lateSize = 1 << 20

  /// Every array by the name of its member without the extension, in the directory's order. With `failures`, members
  /// are unpacked as they are needed; see `ZipArchive`.
  static func read(_ archive: ZipArchive, unpacking failures: LateFailures? = nil) throws(RNNError) -> [NamedTensor] {
    if failures == nil { try archive.requireRoom(for: archive.entries) }
    var result: [NamedTensor] = []
    for entry in archive.entries {
      guard entry.name.hasSuffix(memberExtension) else {
        throw entry.error("it is no .npy file", "keep only arrays in the file")
      }
      let name = String(entry.name.dropLast(memberExtension.count))
      do throws(RNNError) {
        let tensor = if let failures, entry.count >= lateSize {
          try NPYFormat.describedTensor(in: archive.bytes(of: entry, unpacking: failures), failures)
        } else {
          try NPYFormat.tensor(in: archive.bytes(of: entry))
        }
        result.append(NamedTensor(name, tensor))
      } catch {
        var error = error
        if error.place?.hasPrefix("member ") != true {
          error.place = "member \(entry.name)" + (error.place.map { ", " + $0 } ?? "")
        }
        throw error
      }
    }
    return result
  }

  static func write(_ arrays: [NamedTensor], to file: inout OutputFile) throws(RNNError) {
    var writer = ZipWriter()
    for array in arrays {
      let header = try NPYFormat.header(of: array.tensor)
      let count = header.count + array.tensor.byteCount
      try writer.add(array.name + memberExtension, count: count, to: &file) { (writer, file) throws(RNNError) in
        try writer.write(header, to: &file)
        try writer.write(array.tensor, to: &file)
      }
    }
    try writer.finish(&file)
  }
}
