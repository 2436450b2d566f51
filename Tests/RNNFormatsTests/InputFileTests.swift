import Glibc
import RNNFormats
import RNNModel
import Testing

import class Foundation.Thread

@Suite struct InputFileTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func put(_ bytes: [UInt8], _ name: String) throws {
    var file = try OutputFile(folder(name), replacing: false)
    try file.write(bytes)
    try file.commit()
  }

  private func failure(_ path: String) -> RNNError? {
    do {
      _ = try InputFile(path)
      return nil
    } catch {
      return error
    }
  }

  @Test func mapsAFileAndKeepsItWhenItIsRemoved() throws {
    let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    try put(bytes, "a")
    symlink("a", folder("link"))
    let file = try InputFile(folder("link"))
    unlink(folder("a"))
    #expect(file.count == bytes.count)
    #expect(file.withUnsafeBytes { $0.elementsEqual(bytes) })
    #expect(file.path == folder("link"))
  }

  @Test func readsAnEmptyFile() throws {
    try put([], "empty")
    let file = try InputFile(folder("empty"))
    #expect(file.count == 0)
    #expect(file.withUnsafeBytes { $0.count } == 0)
    #expect(refusal { _ = try FormatRegistry.standard.read(file) }
      == "\(folder("empty")): the file is empty; see FormatRegistry.formats, or say which it is with as")
  }

  @Test func readsAPipeToItsEnd() throws {
    mkfifo(folder("pipe"), 0o600)
    let (path, bytes) = (folder("pipe"), (0..<500_000).map { UInt8(truncatingIfNeeded: $0) })
    // Opening waits for the other end, and a pipe holds less than this: the writer needs a thread of its own.
    let writer = Thread {
      let descriptor = open(path, O_WRONLY)
      var done = 0
      while done < bytes.count {
        let count = bytes[done...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        if count <= 0 { break }
        done += count
      }
      close(descriptor)
    }
    writer.start()
    let file = try InputFile(path)
    #expect(file.withUnsafeBytes { $0.elementsEqual(bytes) })
  }

  @Test func refusesAMissingFile() {
    let error = failure(folder("no"))
    #expect(error?.kind == .missingInput)
    #expect(error?.description
      == "\(folder("no")): cannot be opened: No such file or directory; check the path and its permissions")
    symlink("no", folder("link"))
    #expect(failure(folder("link"))?.kind == .missingInput)
  }

  @Test func refusesAFolder() {
    let error = failure(folder.path)
    #expect(error?.kind == .missingInput)
    #expect(error?.description == "\(folder.path): cannot be opened: Is a directory; name a file in it")
  }

  @Test func refusesAPathThroughAFile() throws {
    try put([1], "a")
    #expect(failure(folder("a/b"))?.description
      == "\(folder("a/b")): cannot be opened: Not a directory; check the path and its permissions")
  }

  @Test(.enabled(if: geteuid() != 0, "root may read everything")) func refusesAFileThatMayNotBeRead() throws {
    try put([1], "a")
    chmod(folder("a"), 0)
    #expect(failure(folder("a"))?.kind == .missingInput)
  }

  @Test func readsBytesThatAreInMemory() {
    let file = InputFile([1, 2, 3], name: "memory")
    #expect(file.withUnsafeBytes { Array($0) } == [1, 2, 3])
    #expect(file.path == "memory")
  }
}
