import Foundation
import Testing

/// Several processes at one file.
@Suite struct ConcurrencyTests {
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  private func start(_ arguments: [String], log: String) throws -> Process {
    try Data().write(to: scratch.url(log))
    let process = Process()
    process.executableURL = Command.executable
    process.arguments = arguments
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = try FileHandle(forWritingTo: scratch.url(log))
    try process.run()
    return process
  }

  private func text(_ name: String) throws -> String { String(decoding: try Data(contentsOf: scratch.url(name)), as: UTF8.self) }

  @Test(arguments: ["rnn", "h5"]) func oneOfEightMakesTheFile(_ format: String) throws {
    let model = try Samples.native("lstm", scratch)
    let target = scratch.path("target." + format)
    let processes = try (0..<8).map { try start(["convert", model, target, "--quiet"], log: "log\($0)") }
    for process in processes { process.waitUntilExit() }
    #expect(processes.filter { $0.terminationStatus == 0 }.count == 1)
    for (index, process) in processes.enumerated() where process.terminationStatus != 0 {
      #expect(process.terminationStatus == 73)
      #expect(try text("log\(index)") == "rnn: \(target): exists already; choose another name, or replace it with --force\n")
    }
    #expect(try Command.run("diff", model, target).status == 0)
    #expect(scratch.contents == ((0..<8).map { "log\($0)" } + ["model.rnn", "target." + format]).sorted())
  }

  @Test(arguments: ["rnn", "h5"]) func eightReplaceAFileThatOthersRead(_ format: String) throws {
    let models = try ["lstm", "gru"].map { try Samples.native($0, scratch, as: $0 + ".rnn") }
    let target = scratch.path("target." + format)
    var whole: Set<Data> = []
    for model in models {
      try #require(Command.run("convert", model, target, "--force", "--quiet").status == 0)
      whole.insert(try Data(contentsOf: URL(fileURLWithPath: target)))
    }
    try #require(whole.count == 2)
    var found: Set<Data> = []
    for _ in 0..<4 {
      let writers = try (0..<8).map { try start(["convert", models[$0 % 2], target, "--force", "--quiet"], log: "writer\($0)") }
      let readers = try (0..<4).map { try start(["verify", target], log: "reader\($0)") }
      while writers.contains(where: \.isRunning) {
        let bytes = try Data(contentsOf: URL(fileURLWithPath: target))
        #expect(whole.contains(bytes), "\(bytes.count) bytes that nobody wrote")
        found.insert(bytes)
      }
      for (index, process) in (writers + readers).enumerated() {
        process.waitUntilExit()
        let log = index < 8 ? "writer\(index)" : "reader\(index - 8)"
        let said = try text(log)
        #expect(process.terminationStatus == 0, "\(log): \(said)")
      }
    }
    #expect(found == whole, "both were seen")
    #expect(scratch.contents.filter { $0.hasPrefix(".") }.isEmpty)
  }

  @Test func saysThatAFileWasShortenedWhileItWasRead() throws {
    // The case comes through a pipe, so that the model is open before the pipe's writer goes on.
    let model = try Samples.native("lstm", scratch)
    let reference = try #require(try Samples.open("lstm").archive.cases.first)
    try ArrayFile.write(reference.members, scratch.path("case.npz"))
    for format in ["rnn", "safetensors"] {
      let (copy, pipe) = (scratch.path("copy.rnn"), scratch.path("pipe.npz"))
      unlink(copy)
      unlink(pipe)
      try FileManager.default.copyItem(atPath: model, toPath: copy)
      try #require(mkfifo(pipe, 0o600) == 0)
      let process = try start(["convert", copy, scratch.path("new." + format), "--case", pipe, "--quiet"], log: "log")
      // It can be opened once there is a reader.
      var writer: Int32 = -1
      for _ in 0..<3000 where writer < 0 {
        writer = open(pipe, O_WRONLY | O_NONBLOCK | O_CLOEXEC)
        if writer < 0 { usleep(10_000) }
      }
      try #require(writer >= 0, "nobody reads the case")
      try #require(truncate(copy, 0) == 0)
      let bytes = try Data(contentsOf: scratch.url("case.npz"))
      _ = bytes.withUnsafeBytes { write(writer, $0.baseAddress, $0.count) }
      close(writer)
      process.waitUntilExit()
      #expect(process.terminationReason == .exit)
      #expect(process.terminationStatus == 74)
      let line = try text("log")
      #expect([
        "rnn: a file in use cannot be read: it was shortened meanwhile, or its disk fails; work on a copy that nobody writes to\n",
        "rnn: \(scratch.path("new." + format)): cannot be written: an input file was shortened while it was read; work on a copy that nobody writes to\n",
      ].contains(line), "\(line)")
      #expect(!scratch.contents.contains { $0.hasPrefix("new") || $0.hasPrefix(".") })
    }
  }
}
