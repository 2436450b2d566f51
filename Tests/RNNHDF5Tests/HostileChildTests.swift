import Foundation
import RNNFormats
import RNNHDF5
import RNNModel
import Testing

/// Programs in place of `rnn-hdf5`, as a file would leave it that has taken it over. Descriptor 4 takes the answer,
/// descriptor 6 a 1 when the program has started well.
@Suite struct HostileChildTests {
  private static let remedy = "the file is damaged or hostile: get it again from a source you trust"

  /// Runs a shell script for `rnn-hdf5` and returns what is said of it.
  private func refusal(
    _ script: String, timeout: Int = Limits.maximumHDF5Seconds, isReady: Bool = true
  ) throws -> RNNError? {
    let folder = try TemporaryFolder()
    try Data("#!/bin/sh\n\(isReady ? "printf 1 >&6\n" : "")\(script)\n".utf8).write(to: URL(fileURLWithPath: folder("child")))
    chmod(folder("child"), 0o755)
    let file = try InputFile(fixture("kinds"))
    do throws(RNNError) {
      _ = try HDF5Process(timeout: timeout, program: folder("child")).readTree(file)
      return nil
    } catch {
      // What is said of the file names it.
      var error = error
      if error.file == file.path { error.file = nil }
      return error
    }
  }

  /// Lets `rnn-hdf5` answer with a message, or with what `damage` makes of its bytes.
  private func refusal(
    of message: HDF5Message, damage: (inout [UInt8]) -> Void = { _ in }
  ) throws -> RNNError? {
    let folder = try TemporaryFolder()
    var output = try OutputFile(folder("answer"), replacing: false)
    try message.write(to: &output)
    try output.commit()
    var bytes = try readBytes(folder("answer"))
    damage(&bytes)
    try Data(bytes).write(to: URL(fileURLWithPath: folder("answer")))
    return try refusal("exec cat \(folder("answer")) >&4")
  }

  private func lie(_ problem: String) -> RNNError {
    RNNError(.badData, "the HDF5 library's process gave an answer that does not hold (\(problem))", remedy: Self.remedy)
  }

  private func tree(_ children: HDF5Tree.Child...) -> HDF5Message {
    .tree(HDF5Tree(root: HDF5Tree.Group(children: children)))
  }

  private func dataset(_ name: String, _ sizes: [Int], at offset: Int) throws -> HDF5Tree.Child {
    let shape = try #require(Shape(sizes))
    let tensor = try #require(try Tensor(.float32, shape, in: .unreadable(count: shape.count * 4)))
    return HDF5Tree.Child(name, .dataset(HDF5Tree.Dataset(tensor, fileOffset: offset)))
  }

  @Test func namesTheSignalItDiesOf() throws {
    #expect(try refusal("kill -SEGV $$")
      == RNNError(.badData, "it crashed the HDF5 library (signal 11)", remedy: Self.remedy))
  }

  @Test func doesNotShowWhatItSays() throws {
    #expect(try refusal("echo secret >&2; exit 3")
      == RNNError(.badData, "the HDF5 library's process ended with status 3 and without an answer", remedy: Self.remedy))
  }

  @Test(arguments: ["while :; do :; done", "while :; do echo flood >&2; done", "exec 2>&-; while :; do :; done"])
  func stopsOneThatGetsNoFurther(_ script: String) throws {
    let begin = Date()
    let error = try refusal(script, timeout: 1)
    #expect(error?.problem == "the HDF5 library got no further in 1 s and was stopped")
    #expect(error?.kind == .badData)
    #expect(Date().timeIntervalSince(begin) < 8)
  }

  @Test func allowsEightSecondsUnlessToldOtherwise() {
    #expect(HDF5Process().timeout == 8)
  }

  /// Works for twice the time limit, with a sign of progress, or 4 MiB of its answer, each quarter of it.
  @Test(arguments: ["echo x >&6", "head -c 4194304 /dev/zero >&4"])
  func letsWorkThatGetsFurtherGoOn(_ sign: String) throws {
    let script = """
      now() { date +%s%N; }
      for round in 1 2 3 4 5 6 7 8; do
        end=$(($(now) + 500000000))
        while [ $(now) -lt $end ]; do i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done; done
        \(sign)
      done
      exit 7
      """
    #expect(try refusal(script, timeout: 2)?.problem
      == "the HDF5 library's process ended with status 7 and without an answer")
  }

  @Test func stopsOneThatSleeps() throws {
    #expect(try refusal("exec sleep 100", timeout: 1)?.problem == "the HDF5 library got no further in 6 s and was stopped")
  }

  @Test func stopsOneThatOnlyClaimsProgress() throws {
    let begin = Date()
    let error = try refusal("while :; do echo x >&6; done", timeout: 1)
    #expect(error?.kind == .badData)
    #expect(Date().timeIntervalSince(begin) < 40)
  }

  @Test func boundsWhatItWrites() throws {
    let error = try refusal("cat /dev/zero >&4 || exit 5")
    #expect(error?.problem == "the HDF5 library's process ended with status 5 and without an answer")
  }

  @Test func boundsItsMemory() throws {
    // The shell reads the line into memory, and fails where there is none left.
    #expect(try refusal("exec tail /dev/zero")?.problem
      == "the HDF5 library's process ended with status 1 and without an answer")
  }

  @Test func saysThatItAskedForTooMuchMemory() throws {
    // What the Swift runtime and the C++ library say.
    #expect(try refusal("echo 'Fatal error: could not allocate memory' >&2; kill -ABRT $$")
      == RNNError(.badData, "the HDF5 library asked for more than 768 MiB of memory", remedy: Self.remedy))
  }

  /// Ends with status 7 where every condition holds, with 8 and more where one does not.
  private func holds(_ conditions: [String]) -> String {
    conditions.enumerated().map { "\($1) || exit \($0 + 8)\n" }.joined() + "exit 7"
  }

  @Test func isUnderItsLimitsBeforeItRuns() throws {
    // 768 MiB in KiB, 8 s six times over and a second more to say so, no core file; blocks of files are 512 bytes.
    let conditions = [
      "test \"$(ulimit -d)\" = 786432", "test \"$(ulimit -t)\" = 48", "test \"$(ulimit -H -t)\" = 49",
      "test \"$(ulimit -n)\" = 32", "test \"$(ulimit -H -n)\" = 32", "test \"$(ulimit -c)\" = 0",
      "test \"$(ulimit -f)\" -ge 524288", "test \"$(ulimit -f)\" -le 2097152",
      "grep -q 'NoNewPrivs:[[:space:]]*1' /proc/self/status",
    ]
    #expect(try refusal(holds(conditions))?.problem
      == "the HDF5 library's process ended with status 7 and without an answer")
  }

  @Test func handsOnNothingButItsDescriptors() throws {
    // Open in this process, and not to be closed by exec.
    let mine = (0..<24).map { _ in open("/dev/null", O_RDONLY) }
    defer { for descriptor in mine { close(descriptor) } }
    // A shell keeps its script at 10.
    let conditions = (0...6).map { "test -e /proc/self/fd/\($0)" }
      + [7, 8, 9].map { "test ! -e /proc/self/fd/\($0)" } + (11...60).map { "test ! -e /proc/self/fd/\($0)" }
      + ["test -z \"$HOME$USER$PATH_OF_NONE\"", "test \"$(readlink /proc/self/fd/3)\" = '\(fixture("kinds"))'"]
    #expect(try refusal(holds(conditions))?.problem
      == "the HDF5 library's process ended with status 7 and without an answer")
  }

  /// A program that never came to look at the file says nothing about the file.
  @Test(arguments: [
    ("exit 127", "ended with status 127 before its work began"),
    ("echo 'libhdf5.so.103: cannot open shared object file' >&2; exit 127",
      "ended with status 127 before its work began: libhdf5.so.103: cannot open shared object file"),
    ("exit 0", "ended with status 0 before its work began"), ("exit 1", "ended with status 1 before its work began"),
    ("kill -SEGV $$", "ended by signal 11 before its work began"),
    ("printf 2 >&6; exit 0", "ended with status 0 before its work began"),
    ("while :; do :; done", "got no further in 1 s before its work began"),
  ])
  func isNotBlamedOnTheFileWhereItNeverLookedAtIt(_ script: String, _ how: String) throws {
    let error = try #require(try refusal(script, timeout: 1, isReady: false))
    #expect(error.kind == .defect)
    #expect(error.problem == "the program that reads HDF5 does not work: it \(how)")
    #expect(error.remedy == "install it again, with the libraries it needs (ldd shows them) and of the same version as this program")
  }

  @Test func refusesSilence() throws {
    #expect(try refusal("exit 0")
      == lie("offset 0: the file ends inside the magic: 8 bytes expected, 0 left"))
  }

  @Test func refusesAChecksumThatDiffers() throws {
    let error = try refusal(of: tree()) { $0[$0.count - 1] ^= 1 }
    #expect(error?.problem.description.contains("its checksum is") == true)
    #expect(error?.kind == .badData)
  }

  @Test func refusesAnAnswerThatIsCutShort() throws {
    #expect(try refusal(of: tree()) { $0.removeLast() }?.problem.description.contains("does not hold (offset 24: the file has") == true)
  }

  @Test func refusesMoreTextThanTheLimit() throws {
    let text = String(repeating: "a", count: 128 << 20)
    let tree = HDF5Tree(root: HDF5Tree.Group(attributes: [HDF5Tree.Attribute("a", .string(text))]))
    let folder = try TemporaryFolder()
    let error = #expect(throws: RNNError.self) {
      var output = try OutputFile(folder("answer"), replacing: false)
      try HDF5Message.tree(tree).write(to: &output)
    }
    #expect(error?.problem.description.hasPrefix("its names, attributes and strings take 1342") == true)
    #expect(error?.problem.description.hasSuffix(" bytes, more than 128 MiB") == true)
  }

  @Test func refusesBytesOutsideTheFile() throws {
    #expect(try refusal(of: tree(dataset("a", [4], at: 1 << 40)))
      == lie("tree.nodes[1].offset: 16 bytes at offset 1099511627776 are not in the file"))
  }

  @Test func refusesMoreElementsThanTheFileHolds() throws {
    #expect(try refusal(of: tree(dataset("a", [1 << 20, 1 << 10], at: 0)))
      == lie("tree.nodes[1].offset: 4294967296 bytes at offset 0 are not in the file"))
  }

  @Test func refusesDatasetsThatOverlap() throws {
    #expect(try refusal(of: tree(dataset("a", [4], at: 64), dataset("b", [4], at: 72)))
      == lie("tree: datasets overlap at offset 72"))
  }

  @Test func refusesANameThatStandsTwice() throws {
    #expect(try refusal(of: tree(dataset("a", [4], at: 64), dataset("a", [4], at: 128)))
      == lie("tree.nodes[2].name: no name, or one that stands twice"))
  }

  @Test func refusesGroupsThatAreTooDeep() throws {
    var group = HDF5Tree.Group()
    for _ in 0..<80 { group = HDF5Tree.Group(children: [HDF5Tree.Child("g", .group(group))]) }
    #expect(try refusal(of: .tree(HDF5Tree(root: group))) == lie("tree.nodes[65].in: groups are nested too deep"))
  }

  @Test func refusesPlacementsForATree() throws {
    #expect(try refusal(of: .placements([1, 2])) == lie("it placed what was to be read"))
  }

  @Test func refusesErrorsThatAreNotItsBusiness() throws {
    #expect(try refusal(of: .error(RNNError(.cannotCreate, "x")))?.problem.description.contains("error.kind: not a kind of error") == true)
  }

  @Test func passesItsErrorsOn() throws {
    let error = RNNError(.badData, place: "/x", "a problem", remedy: "a remedy")
    #expect(try refusal(of: .error(error)) == error)
  }

  @Test(arguments: [[0], [0, 8], [64, 1 << 60], [64, 128, 192]])
  func refusesPlacesThatLeaveADatasetNoRoom(_ offsets: [Int]) throws {
    let folder = try TemporaryFolder()
    var answer = try OutputFile(folder("answer"), replacing: false)
    try HDF5Message.placements(offsets).write(to: &answer)
    try answer.commit()
    try Data("#!/bin/sh\nprintf 1 >&6\nexec cat \(folder("answer")) >&4\n".utf8).write(to: URL(fileURLWithPath: folder("child")))
    chmod(folder("child"), 0o755)
    let shape = try #require(Shape([4]))
    let tensor = try #require(Tensor([1, 2, 3, 4] as [Float], shape))
    let tree = HDF5Tree(root: HDF5Tree.Group(children: ["a", "b"].map {
      HDF5Tree.Child($0, .dataset(HDF5Tree.Dataset(tensor)))
    }))
    let error = #expect(throws: RNNError.self) {
      var output = try OutputFile(folder("x.h5"), replacing: false)
      try HDF5Process(timeout: 10, program: folder("child")).write(tree, to: &output)
      try output.commit()
    }
    #expect(error?.problem.description.contains("does not hold") == true)
    #expect(!FileManager.default.fileExists(atPath: folder("x.h5")))
  }
}
