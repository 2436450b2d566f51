import RNNModel

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Identifies the file of a path, however it is spelled: through links, from another folder, by another hard link.
package struct FileIdentity: Hashable {
  private let device: dev_t
  private let inode: ino_t
  /// The name in that folder, for a file that does not exist yet.
  private var name: [UInt8] = []

  /// Nil for a terminal or another device, and if there is no such folder. `-` means the descriptor `standard`.
  package init?(_ path: String, standard descriptor: Int32) {
    if path == "-" {
      self.init(descriptor: descriptor)
      return
    }
    var status = stat()
    if stat(path.systemPath, &status) == 0 {
      self.init(status)
    } else {
      let path = OutputTarget.resolvedLinks(path)
      guard stat(path.folderPath.systemPath, &status) == 0 else { return nil }
      self.init(status)
      name = path.lastPathComponent.fileNameBytes
    }
  }

  /// The file that is open under a descriptor.
  package init?(descriptor: Int32) {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { return nil }
    self.init(status)
  }

  private init?(_ status: stat) {
    guard status.st_mode & S_IFMT != S_IFCHR else { return nil }
    (device, inode) = (status.st_dev, status.st_ino)
  }
}
