import Foundation
import RNNModel
import RNNRunner
import Synchronization
import Testing

/// How much of a stack running takes: a program's threads may have little, an audio host's often do.
@Suite struct StackTests {
  /// Bytes of the threads' stacks: what musl and macOS give a thread, or less.
  private static let stackSize = 128 << 10

  /// Runs `body` on a thread of its own. Past the stack's end the process ends by a signal.
  private static func onSmallStack(_ body: @escaping @Sendable () throws -> Void) throws {
    let failure = Mutex<(any Error)?>(nil)
    let done = DispatchSemaphore(value: 0)
    let thread = Thread {
      do { try body() } catch { failure.withLock { $0 = error } }
      done.signal()
    }
    thread.stackSize = stackSize
    #expect(thread.stackSize == stackSize)
    thread.start()
    done.wait()
    if let error = failure.withLock({ $0 }) { throw error }
  }

  @Test(arguments: InstructionSet.available) func runsOnThreadsOfSmallStacks(_ instructionSet: InstructionSet) throws {
    for seed in 0..<max(3, modelCount / 4) {
      var generator = Generator(seed: UInt64(seed) + 61_000)
      let random = try RandomModel(&generator, element: seed % 3 == 0 ? .float64 : .float32)
      let plan = try Plan(random.model, instructionSet: instructionSet)
      let start = try plan.state(batch: random.batch, members: random.members)
      let expected = try require(try plan.run(random.input, state: start, lengths: random.lengths).last)
      let (input, lengths) = (random.input, random.lengths)
      try Self.onSmallStack {
        let found = try plan.run(input, state: start, lengths: lengths).last
        #expect(found?.isIdentical(to: expected) == true, "seed \(seed)")
      }
      guard plan.isStreamable, !plan.takesIndices else { continue }
      try Self.onSmallStack {
        let runner = try Runner(plan)
        var state = try plan.state(batch: 1)
        let zeros = [Float](repeating: 0, count: plan.inputSize)
        var output = [Float](repeating: 0, count: plan.outputSize)
        let wideZeros = [Double](repeating: 0, count: plan.inputSize)
        var wideOutput = [Double](repeating: 0, count: plan.outputSize)
        var span = output.mutableSpan, wideSpan = wideOutput.mutableSpan
        if plan.precision == .float32 {
          try runner.step(zeros.span, &state, into: &span)
        } else {
          try runner.step(wideZeros.span, &state, into: &wideSpan)
        }
      }
    }
  }

  /// Kernels as a debug build has them, for every instruction set, whether this processor has it or not. `make frames` does
  /// the same with those that are optimised, which takes minutes.
  @Test(.enabled(if: Self.hasClang, "clang is not in the path"), arguments: ["portable", "avx2", "avx512"])
  func unoptimisedFramesAreSmall(_ name: String) throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("Sources/CRNNKernels")
    let object = FileManager.default.temporaryDirectory.appendingPathComponent("rnn-frames-\(UUID().uuidString).o")
    let usage = object.deletingPathExtension().appendingPathExtension("su")
    defer { for url in [object, usage] { try? FileManager.default.removeItem(at: url) } }
    let status = try Self.clang([
      "-O0", "-fstack-usage", "-I", root.appendingPathComponent("include").path, "-c",
      root.appendingPathComponent("\(name).c").path, "-o", object.path,
    ])
    #expect(status == 0)
    // Place and function, bytes, and whether they are known.
    let lines = try String(contentsOf: usage, encoding: .utf8).split(separator: "\n").map { $0.split(separator: "\t") }
    #expect(lines.contains { $0[0].contains("run_\(name)_float32") })
    for line in lines {
      let size = try #require(line.count == 3 ? Int(line[1]) : nil)
      #expect(size <= 64 << 10 && line[2] == "static", "\(line)")
    }
  }

  private static let hasClang = (try? clang(["--version"])) == 0

  private static func clang(_ arguments: [String]) throws -> Int32 {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["clang"] + arguments
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return process.terminationStatus
  }
}
