import RNNModel

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file that another file names as part of itself, in the same folder or below it.
///
/// The naming file is untrusted and must not make its reader open arbitrary files. A link that leads out of the folder is
/// therefore refused, with one exception: in Hugging Face's cache, every file of `models--<name>/snapshots/<revision>` is
/// a link into `models--<name>/blobs`.
package enum CompanionFile {
  /// Opens the file at `name`, a relative path without `..`, beside the file at `path`. Throws `badData` if it is a link
  /// that leads out of the folder or not a regular file, and `missingInput` if it does not exist.
  ///
  /// - Parameter what: What the file is, for errors: `its external data`.
  package static func open(_ name: String, beside path: String, what: String) throws(RNNError) -> InputFile {
    let folder = path.folderPath
    let file = folder == "/" ? "/" + name : path.folderPrefix + name
    var status = stat()
    guard stat(file.systemPath, &status) == 0 else {
      throw RNNError(.missingInput, file: file, "\(what) cannot be opened: \(systemMessage(errno))",
        remedy: "copy the data files along with the model")
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw RNNError(.badData, "\(what), \(name), is no regular file", remedy: remedy)
    }
    guard let root = resolved(folder), let real = resolved(file), isInside(real, root) || isBlob(real, ofSnapshotIn: root) else {
      throw RNNError(.badData, "\(what), \(name), is a link that leads out of the model's folder", remedy: remedy)
    }
    return try InputFile(file)
  }

  private static let remedy = "keep the model's data files in its own folder"

  private static func isInside(_ file: [UInt8], _ folder: [UInt8]) -> Bool {
    file.starts(with: folder == [slash] ? folder : folder + [slash])
  }

  /// Whether a file is in the `blobs` folder of the cache entry whose `snapshots` contain `folder`.
  private static func isBlob(_ file: [UInt8], ofSnapshotIn folder: [UInt8]) -> Bool {
    let parts = folder.split(separator: slash)
    guard let snapshots = parts.lastIndex(where: { $0.elementsEqual("snapshots".utf8) }), snapshots > 0,
      snapshots + 1 < parts.count,
      ["models--", "datasets--", "spaces--"].contains(where: { parts[snapshots - 1].starts(with: $0.utf8) })
    else { return false }
    let blobs = parts[..<snapshots] + [ArraySlice("blobs".utf8)]
    return file.split(separator: slash).dropLast().elementsEqual(blobs, by: { $0.elementsEqual($1) })
  }

  private static let slash = UInt8(ascii: "/")

  /// A path with links resolved, as bytes, because Unicode-equivalent names can be different files.
  private static func resolved(_ path: String) -> [UInt8]? {
    guard let text = realpath(path.systemPath, nil) else { return nil }
    defer { free(text) }
    return String(systemPath: text).fileNameBytes
  }
}
