import Foundation
import Testing

/// How much memory and disk the command takes for files that are large, or make much of little.
@Suite struct MemoryTests {
  /// Makes files beside it; see its `cases`.
  private static let maker = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("large_files.py").path

  /// What a run took, its pages of mapped files among it.
  private struct Usage {
    var status: Int
    var mebibytes: Int
    var errors: String
  }

  private static func python(_ arguments: [String], in folder: URL) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", "-B"] + arguments
    process.currentDirectoryURL = folder
    let output = folder.appendingPathComponent("python.out")
    try Data().write(to: output)
    process.standardOutput = try FileHandle(forWritingTo: output)
    try process.run()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0)
    return try String(contentsOf: output, encoding: .utf8)
  }

  private static func make(_ name: String, in scratch: Scratch) throws {
    _ = try python([maker, "make", name], in: scratch.folder)
  }

  /// Runs the command; a file that it writes may have so many bytes, 0 for any.
  private static func run(_ arguments: [String], fileSize: Int = 0, in scratch: Scratch) throws -> Usage {
    let text = try python([maker, "run", "\(fileSize)", Command.executable.path] + arguments, in: scratch.folder)
    let parts = text.split(separator: "\n", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
    return Usage(status: try #require(Int(parts[0])), mebibytes: try #require(Int(parts[1])), errors: parts[2])
  }

  /// 48 MB of text are 24 million numbers, 192 MB of them as float64, and 48 MB of results.
  @Test(arguments: ["csv", "json"]) func readsTextInLittleMemory(_ format: String) throws {
    let scratch = try Scratch()
    try Self.make(format, in: scratch)
    let run = try Self.run(
      ["run", "small.json", "--input", "x.\(format)", "--output", "y.npy"], in: scratch)
    #expect(run.status == 0, "\(run.errors)")
    // JSON's text is mapped while it is read.
    #expect(run.mebibytes < (format == "csv" ? 128 : 176), "\(run.mebibytes) MiB")
  }

  /// 2,000 steps, or rows of a batch, of 200,000 features: 1.6 GB, which stand in no memory together.
  @Test(arguments: ["steps", "rows"]) func runsWideFeaturesInLittleMemory(_ kind: String) throws {
    let scratch = try Scratch()
    try Self.make(kind, in: scratch)
    let run = try Self.run(
      ["run", "wide.safetensors", "--input", "x.npy", "--output", "y.npy"], in: scratch)
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.mebibytes < 192, "\(run.mebibytes) MiB")
  }

  /// 200,000 sequences, whose hidden states alone are 512 MB: only the result is kept, and written into the file as it is
  /// made, with the bytes that it has for some of the sequences.
  @Test(arguments: [1, 2]) func runsManySequencesInLittleMemory(_ threads: Int) throws {
    let scratch = try Scratch()
    try Self.make("sequences", in: scratch)
    let run = try Self.run(
      ["run", "model.json", "--input", "x.npy", "--output", "y.npy", "--threads", "\(threads)"], in: scratch)
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.mebibytes < 96, "\(run.mebibytes) MiB")
    let few = try Self.run(["run", "model.json", "--input", "few.npy", "--output", "few-y.npy"], in: scratch)
    #expect(few.status == 0, "\(few.errors)")
    let (all, expected) = try (Data(contentsOf: scratch.url("y.npy")), Data(contentsOf: scratch.url("few-y.npy")))
    let size = 4 * 1000
    try #require(expected.count == 128 + 16 * size && all.count == 128 + 16 * 200 * size)
    for step in 0..<16 {
      let wanted = expected[128 + step * size..<128 + (step + 1) * size]
      for time in 0..<200 {
        let start = 128 + (step * 200 + time) * size
        #expect(all[start..<start + size] == wanted, "step \(step), \(time)")
      }
    }
  }

  /// 256 MiB of zeros in 256 KiB: what is shown needs neither memory nor disk for them.
  @Test func inspectUnpacksNoArrays() throws {
    let scratch = try Scratch()
    try Self.make("bomb", in: scratch)
    let run = try Self.run(["inspect", "bomb.npz"], fileSize: 1 << 20, in: scratch)
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.mebibytes < 96, "\(run.mebibytes) MiB")
    let json = try Self.run(["inspect", "bomb.npz", "--json"], fileSize: 1 << 20, in: scratch)
    #expect(json.status == 0 && json.mebibytes < 96, "\(json.mebibytes) MiB, \(json.errors)")
    // Whoever needs them has them on the disk.
    let convert = try Self.run(["convert", "bomb.npz", "whole.rnn"], fileSize: 1 << 20, in: scratch)
    #expect(convert.status == 74, "\(convert.errors)")
  }

  @Test func inspectSeesWhatIsWrongWithAnArray() throws {
    let scratch = try Scratch()
    try Self.make("damaged", in: scratch)
    let run = try Self.run(["inspect", "damaged.npz"], in: scratch)
    #expect(run.status == 65)
    #expect(run.errors.hasPrefix("rnn: damaged.npz: member weight_ih_l0.npy: its CRC-32 is "), "\(run.errors)")
  }

  @Test func saysThatTheDiskHasNoRoomBeforeItUnpacks() throws {
    let scratch = try Scratch()
    try Self.make("huge", in: scratch)
    let run = try Self.run(["convert", "huge.npz", "huge.rnn"], in: scratch)
    #expect(run.status == 74)
    let pattern = /rnn: .*: [0-9]{14,} temporary bytes are needed, and [0-9]+ are free; free some space, or set TMPDIR to a folder that has it\n/
    #expect(run.errors.wholeMatch(of: pattern) != nil, "\(run.errors)")
    #expect(!scratch.contents.contains("huge.rnn"))
  }
}
