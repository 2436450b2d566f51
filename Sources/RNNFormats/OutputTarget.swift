import RNNModel

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Where an output's bytes go.
enum OutputTarget {
  /// A regular file, at its path with links resolved, and whether there is one now.
  case file(String, exists: Bool)
  /// Something that is written to and stays: a pipe, a device, standard output.
  case stream(Int32)
  /// A descriptor that someone else opened and will take care of.
  case borrowed

  /// What a path names. `-` is standard output.
  init(_ path: String, replacing: Bool) throws(RNNError) {
    if path == "-" {
      let stream = fcntl(1, F_GETFL) & O_ACCMODE == O_RDONLY ? -1 : dup(1)
      guard stream >= 0 else {
        throw RNNError(.cannotCreate, file: path, "standard output is closed", remedy: "name a file")
      }
      self = .stream(stream)
      return
    }
    var status = stat()
    guard stat(path.systemPath, &status) == 0 else {
      guard errno == ENOENT else { throw RNNError(uncreated: path, errno) }
      self = .file(Self.resolvedLinks(path), exists: false)
      return
    }
    switch status.st_mode & S_IFMT {
    case S_IFDIR:
      throw RNNError(.cannotCreate, file: path, "is a folder", remedy: "name a file in it")
    case S_IFREG:
      guard replacing else { throw RNNError(existing: path) }
      guard let resolved = realpath(path.systemPath, nil) else { throw RNNError(uncreated: path, errno) }
      defer { free(resolved) }
      self = .file(String(systemPath: resolved), exists: true)
    default:
      let stream = open(path.systemPath, O_WRONLY | O_CLOEXEC)
      guard stream >= 0 else {
        throw RNNError(.cannotCreate, file: path, "cannot be opened: \(systemMessage(errno))",
          remedy: "check its permissions")
      }
      self = .stream(stream)
    }
  }

  /// Where a link points that leads to nothing yet, perhaps through others: the file is made there. The path itself where
  /// it is no link.
  static func resolvedLinks(_ path: String) -> String {
    var path = path
    // The system refuses longer chains.
    for _ in 0..<40 {
      var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
      guard readlink(path.systemPath, &buffer, buffer.count - 1) > 0 else { break }
      let linked = String(systemPath: buffer)
      path = linked.utf8.first == UInt8(ascii: "/") ? linked : path.folderPrefix + linked
    }
    return path
  }
}

extension RNNError {
  init(existing path: String) {
    self.init(.cannotCreate, file: path, "exists already", remedy: "choose another name, or replace it with \(.force)")
  }

  init(uncreated path: String, _ code: Int32) {
    let remedy = systemRemedy(code)
    self.init(remedy == nil ? .cannotCreate : .inputOutput, file: path,
      "cannot be created: \(systemMessage(code))", remedy: remedy ?? "check that the folder exists and may be written to")
  }
}
