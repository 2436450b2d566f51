import Foundation
import RNNKit
import Testing

/// A conversion that is killed leaves the old file or the whole new one.
@Suite struct KillTests {
  private let scratch: Scratch
  private let old = Data("what was there before".utf8)

  init() throws { scratch = try Scratch() }

  /// The folder's files but those that a killed process may leave, which the next output that needs such a name removes.
  private func visible() -> [String] { scratch.contents.filter { !$0.hasPrefix(".rnn-") || !$0.hasSuffix(".tmp") } }

  @Test func keepsTheOldFileOrTheWholeNewOneAtRandomMoments() throws {
    // Large enough to be killed in the middle of.
    var archive = TensorArchive()
    let module = Recurrent(name: "rnn", cell: .lstm, inputSize: 700, hiddenSize: 700)
    for (name, shape) in Model.parameters(of: .recurrent(module)) {
      let sizes = try #require(Shape(shape))
      try archive.append(name, try #require(Tensor(noise(sizes.count), sizes)))
    }
    let (large, target) = (scratch.path("large.rnn"), scratch.path("target.rnn"))
    try Model(archive, architecture: Architecture(modules: [.recurrent(module)])).write(to: large)
    let whole = try Data(contentsOf: scratch.url("large.rnn"))
    let convert = ["convert", large, target, "--force", "--quiet"]
    let begin = Date()
    for _ in 0..<3 { try #require(Command.run(convert).status == 0) }
    let duration = Date().timeIntervalSince(begin) / 3
    let names = scratch.contents
    var moments = SplitMix(state: 20)
    var (kept, replaced) = (0, 0)
    for round in 0..<200 {
      try old.write(to: scratch.url("target.rnn"))
      let process = Process()
      process.executableURL = Command.executable
      process.arguments = convert
      try process.run()
      usleep(UInt32(duration * 1.3 * moments.fraction() * 1_000_000))
      kill(process.processIdentifier, [SIGKILL, SIGTERM, SIGINT][round % 3])
      process.waitUntilExit()
      let found = try Data(contentsOf: scratch.url("target.rnn"))
      if found == old { kept += 1 } else if found == whole { replaced += 1 }
      #expect(kept + replaced == round + 1, "round \(round) left \(found.count) bytes of something else")
      #expect(visible() == names, "round \(round)")
    }
    #expect(kept > 0 && replaced > 0, "\(kept) times the old file, \(replaced) times the new one")
    #expect(try Command.run(convert).status == 0)
    #expect(scratch.contents == names, "what the killed ones left is gone")
  }

  @Test(.enabled(if: FailCall.isAvailable, "this system lets no process be traced"), arguments: ["rnn", "h5"])
  func keepsTheOldFileOrTheWholeNewOneAtEverySystemCall(_ format: String) throws {
    let (logs, temporary) = (try Scratch(), try Scratch())
    let (input, target) = (try Samples.native("rnn_1_layer", scratch), scratch.path("target." + format))
    let convert = ["convert", input, target, "--force", "--quiet"]
    try #require(Command.run(convert).status == 0)
    let (names, whole) = (scratch.contents, try Data(contentsOf: URL(fileURLWithPath: target)))
    try FailCall.forEachFailure(
      of: .rnn, killing: true, convert, logs: logs, temporary: temporary.folder.path
    ) {
      try old.write(to: URL(fileURLWithPath: target))
    } after: { result in
      #expect(result.status == (result.failure == "end" ? 0 : 128 + SIGKILL), result.comment)
      let found = try Data(contentsOf: URL(fileURLWithPath: target))
      #expect(found == old || found == whole, result.comment)
      #expect(visible() == names, result.comment)
      #expect(temporary.contents.isEmpty, result.comment)
      if scratch.contents != names {
        // Between its hidden name and its own it is seen, whole. The next conversion removes it.
        #expect(result.failure == "rename SIGKILL" && scratch.contents.count == names.count + 1, result.comment)
        try #require(Command.run(convert).status == 0)
        #expect(scratch.contents == names)
      }
    }
  }

  @Test func removesWhatAKilledProcessLeftAndNothingElse() throws {
    let (input, target) = (try Samples.native("rnn_1_layer", scratch), scratch.path("target.rnn"))
    for name in ["target.rnn", ".rnn-123-abc.tmp", ".rnn-77-0.tmp", ".rnn-notes.tmp", ".rnn-1-x.txt", "rnn-1-x.tmp"] {
      try old.write(to: scratch.url(name))
    }
    symlink(input, scratch.path(".rnn-5-link.tmp"))
    // Somebody is writing this one.
    let busy = open(scratch.path(".rnn-77-0.tmp"), O_RDONLY)
    defer { close(busy) }
    try #require(flock(busy, LOCK_EX) == 0)
    #expect(try Command.run("convert", input, target, "--force", "--quiet").status == 0)
    #expect(scratch.contents
      == [".rnn-1-x.txt", ".rnn-5-link.tmp", ".rnn-77-0.tmp", ".rnn-notes.tmp", "model.rnn", "rnn-1-x.tmp", "target.rnn"])
  }
}

/// Random numbers that are the same in every run.
struct SplitMix {
  var state: UInt64

  /// From 0 to below 1.
  mutating func fraction() -> Double {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
    return Double((word ^ word >> 31) >> 11) / Double(1 << 53)
  }
}
