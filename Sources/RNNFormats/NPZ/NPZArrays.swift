import RNNModel

/// The arrays of a `.npz` file, a zip archive whose members are `.npy` files.
enum NPZArrays {
  static let memberExtension = ".npy"

  /// Every array by the name of its member without the extension, in the directory's order.
  static func read(_ file: InputFile) throws(RNNError) -> [NamedTensor] {
    let archive = try ZipArchive(file.storage)
    var result: [NamedTensor] = []
    for entry in archive.entries {
      guard entry.name.hasSuffix(memberExtension) else {
        throw entry.error("it is no .npy file", "keep only arrays in the file")
      }
      let name = String(entry.name.dropLast(memberExtension.count))
      do throws(RNNError) {
        result.append(NamedTensor(name, try NPYFormat.tensor(in: try archive.bytes(of: entry))))
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
