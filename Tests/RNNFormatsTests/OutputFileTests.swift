import Glibc
import RNNFormats
import RNNModel
import Testing

@Suite struct OutputFileTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func put(_ text: String, _ path: String, replacing: Bool = false) throws {
    var file = try OutputFile(path, replacing: replacing)
    try file.write(Array(text.utf8))
    try file.commit()
  }

  private func text(_ path: String) throws -> String {
    try InputFile(path).withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
  }

  private func status(_ path: String) -> stat {
    var status = stat()
    lstat(path, &status)
    return status
  }

  /// The error that preparing or committing a file ends in.
  private func failure(_ path: String, replacing: Bool = false, text: String = "new") -> RNNError? {
    do {
      try put(text, path, replacing: replacing)
      return nil
    } catch {
      return error as? RNNError
    }
  }

  private static let folderRemedy = "; check that the folder exists and may be written to"
  private static let exists = "exists already; choose another name, or replace it with replacing: true"

  // MARK: A file

  /// Another process that looks for what killed ones left does not take the replaced file for that.
  @Test func keepsWhatItReplacedWhileItMayBeWithdrawn() throws {
    try put("old", folder("a"))
    try put("b", folder("b"))
    var file = try OutputFile(folder("a"), replacing: true)
    try file.write(Array("new".utf8))
    try file.finish()
    try file.publish(undoable: true)
    #expect(try text(folder("a")) == "new")
    // Replacing a file is when abandoned names are looked for.
    try put("c", folder("b"), replacing: true)
    file.withdraw()
    #expect(try text(folder("a")) == "old")
    #expect(try text(folder("b")) == "c")
  }

  @Test func appearsWithWhatWasWritten() throws {
    var file = try OutputFile(folder("a"), replacing: false)
    try file.write(Array("onetwo".utf8))
    try file.pad(to: 8)
    try file.pad(to: 8)
    #expect(file.position == 8)
    try Array("ONE".utf8).withUnsafeBytes { try file.write($0, at: 0) }
    try file.write(Array("!".utf8))
    #expect(folder.names.isEmpty || folder.names.allSatisfy { $0.hasPrefix(".rnn-") }, "the name is given at the end")
    try file.commit()
    #expect(try text(folder("a")) == "ONEtwo\0\0!")
    #expect(folder.names == ["a"])
  }

  /// As `rnn-hdf5` lays a file out and this process fills it in.
  @Test func keepsWhatAnotherWritesBehindALargeFile() throws {
    var file = try OutputFile(folder("a"), replacing: false)
    let end = 12 << 20
    #expect(pwrite(file.descriptor, "end", 3, off_t(end)) == 3)
    try file.write([UInt8](repeating: 1, count: end))
    try file.commit()
    let status = status(folder("a"))
    #expect(status.st_size == end + 3)
    #expect(status.st_blocks * 512 < end + (1 << 20), "room that was claimed stays claimed")
    #expect(try InputFile(folder("a")).withUnsafeBytes { Array($0.suffix(4)) } == [1] + Array("end".utf8))
  }

  @Test func letsTheUmaskDecideWhoMayRead() throws {
    let mask = umask(0o027)
    defer { umask(mask) }
    try put("new", folder("a"))
    #expect(status(folder("a")).st_mode & 0o7777 == 0o640)
  }

  @Test func leavesNothingWhenDropped() throws {
    do {
      var file = try OutputFile(folder("a"), replacing: false)
      try file.write([1, 2, 3])
    }
    #expect(folder.names.isEmpty)
    try put("old", folder("a"))
    do {
      var file = try OutputFile(folder("a"), replacing: true)
      try file.write([1, 2, 3])
    }
    #expect(folder.names == ["a"])
    #expect(try text(folder("a")) == "old")
  }

  @Test func refusesAnExistingFile() throws {
    try put("old", folder("a"))
    let error = try #require(failure(folder("a")))
    #expect(error.kind == .cannotCreate)
    #expect(error.description == "\(folder("a")): \(Self.exists)")
    #expect(try text(folder("a")) == "old")
    #expect(folder.names == ["a"])
  }

  @Test func refusesAFileThatAppearsMeanwhile() throws {
    var file = try OutputFile(folder("a"), replacing: false)
    try file.write(Array("mine".utf8))
    try put("theirs", folder("a"))
    var message: String?
    do {
      try file.commit()
    } catch {
      message = "\(error)"
    }
    #expect(message == "\(folder("a")): \(Self.exists)")
    #expect(try text(folder("a")) == "theirs")
    #expect(folder.names == ["a"])
  }

  @Test func replacesInOneStepAndKeepsTheMode() throws {
    try put("old", folder("a"))
    chmod(folder("a"), 0o604)
    let before = status(folder("a"))
    let reader = try InputFile(folder("a"))
    try put("the new one", folder("a"), replacing: true)
    #expect(try text(folder("a")) == "the new one")
    #expect(status(folder("a")).st_mode == before.st_mode)
    #expect(status(folder("a")).st_ino != before.st_ino, "another file under the old one's name")
    #expect(reader.withUnsafeBytes { String(decoding: $0, as: UTF8.self) } == "old", "who has it open keeps it")
    #expect(folder.names == ["a"])
  }

  @Test func replacesAFileThatIsNotThere() throws {
    try put("new", folder("a"), replacing: true)
    #expect(try text(folder("a")) == "new")
    #expect(folder.names == ["a"])
  }

  // MARK: Where none can be

  @Test(arguments: [false, true]) func refusesAMissingFolder(_ replacing: Bool) {
    let error = failure(folder("no/a"), replacing: replacing)
    #expect(error?.kind == .cannotCreate)
    #expect(error?.description
      == "\(folder("no/a")): cannot be created: No such file or directory" + Self.folderRemedy)
  }

  @Test(arguments: [false, true]) func refusesAFileAsFolder(_ replacing: Bool) throws {
    try put("old", folder("file"))
    let error = failure(folder("file/a"), replacing: replacing)
    #expect(error?.kind == .cannotCreate)
    #expect(error?.description
      == "\(folder("file/a")): cannot be created: Not a directory" + Self.folderRemedy)
    #expect(folder.names == ["file"])
  }

  @Test(arguments: [false, true]) func refusesAFolder(_ replacing: Bool) {
    #expect(failure(folder.path, replacing: replacing)?.description == "\(folder.path): is a folder; name a file in it")
    #expect(failure(folder.path + "/", replacing: replacing)?.description
      == "\(folder.path)/: is a folder; name a file in it")
  }

  @Test func refusesNamesThatNoFileHas() {
    #expect(failure("")?.kind == .cannotCreate)
    let long = folder(String(repeating: "n", count: 300))
    #expect(failure(long)?.description
      == "\(long): cannot be created: File name too long" + Self.folderRemedy)
    #expect(folder.names.isEmpty)
  }

  // MARK: Links

  @Test func followsALink() throws {
    try put("old", folder("a"))
    symlink("a", folder("link"))
    #expect(failure(folder("link"))?.description == "\(folder("link")): \(Self.exists)")
    try put("new", folder("link"), replacing: true)
    #expect(try text(folder("a")) == "new")
    #expect(status(folder("link")).st_mode & S_IFMT == S_IFLNK)
    #expect(folder.names == ["a", "link"])
  }

  @Test(arguments: [false, true]) func makesTheFileThatALinkWaitsFor(_ replacing: Bool) throws {
    symlink("a", folder("relative"))
    symlink(folder("relative"), folder("absolute"))
    try put("new", folder("absolute"), replacing: replacing)
    #expect(try text(folder("a")) == "new")
    #expect(folder.names == ["a", "absolute", "relative"])
    for link in ["relative", "absolute"] { #expect(status(folder(link)).st_mode & S_IFMT == S_IFLNK) }
  }

  @Test func refusesALinkIntoAMissingFolder() {
    symlink("no/a", folder("link"))
    #expect(failure(folder("link"))?.kind == .cannotCreate)
    #expect(folder.names == ["link"])
  }

  @Test(arguments: [false, true]) func refusesALinkToItself(_ replacing: Bool) {
    symlink("loop", folder("loop"))
    #expect(failure(folder("loop"), replacing: replacing)?.description
      == "\(folder("loop")): cannot be created: Too many levels of symbolic links" + Self.folderRemedy)
    #expect(folder.names == ["loop"])
  }

  // MARK: Streams

  @Test func writesIntoAPipe() throws {
    mkfifo(folder("pipe"), 0o600)
    // Without a reader, opening a pipe to write waits for one.
    let reader = open(folder("pipe"), O_RDONLY | O_NONBLOCK)
    defer { close(reader) }
    try put("through the pipe", folder("pipe"))
    var bytes = [UInt8](repeating: 0, count: 100)
    let count = read(reader, &bytes, bytes.count)
    #expect(String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self) == "through the pipe")
    #expect(status(folder("pipe")).st_mode & S_IFMT == S_IFIFO)
    #expect(folder.names == ["pipe"])
  }

  @Test func writesNothingIntoAPipeWhenDropped() throws {
    mkfifo(folder("pipe"), 0o600)
    let reader = open(folder("pipe"), O_RDONLY | O_NONBLOCK)
    defer { close(reader) }
    do {
      var file = try OutputFile(folder("pipe"), replacing: false)
      try file.write([1, 2, 3])
    }
    var byte: UInt8 = 0
    #expect(read(reader, &byte, 1) == 0)
  }

  @Test func saysThatADeviceIsFull() {
    let error = failure("/dev/full")
    #expect(error?.kind == .inputOutput)
    #expect(error?.description == "/dev/full: cannot be written: No space left on device; free some space on the disk")
  }

  @Test func writesToADevice() {
    #expect(failure("/dev/null") == nil)
  }
}
