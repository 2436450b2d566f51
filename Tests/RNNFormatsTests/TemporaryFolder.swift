import Glibc
import Testing

/// An empty folder, removed with all that is in it when its owner goes.
final class TemporaryFolder {
  let path: String

  init() throws {
    var template = Array("/tmp/rnn-tests-XXXXXX".utf8CString)
    path = try #require(mkdtemp(&template).map { String(cString: $0) })
  }

  deinit {
    for name in names { unlink(self(name)) }
    rmdir(path)
  }

  func callAsFunction(_ name: String) -> String { path + "/" + name }

  /// Of the files in it, hidden ones included.
  var names: [String] {
    guard let stream = opendir(path) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }
}
