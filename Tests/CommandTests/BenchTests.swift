import Foundation
import Testing

/// `rnn bench`: what it says, not how fast anything is.
struct BenchTests {
  private static let model = Command.samples.appendingPathComponent("lstm.h5").path

  private func bench(_ arguments: String..., input: String? = nil) throws -> Command.Result {
    try Command.run(["bench"] + arguments + ["--seconds", "0.01"], input: input)
  }

  private func document(_ text: String) throws -> [String: Any] {
    try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  @Test func tellsTimesAndTheLimitThatBinds() throws {
    let result = try bench(Self.model, "--json", "--batch", "3", "--steps", "20")
    #expect(result.status == 0, "\(result.errors)")
    let document = try document(result.output)
    #expect(document["call"] as? String == "run")
    #expect(document["batch"] as? Int == 3)
    #expect(document["steps"] as? Int == 20)
    let times = ["best_us", "median_us", "p75_us", "p95_us", "p99_us"].compactMap { document[$0] as? Double }
    #expect(times.count == 5 && times == times.sorted() && times.allSatisfy { $0 > 0 })
    let limits = try #require(document["limits_us"] as? [String: Double])
    let binding = try #require(document["bound_by"] as? String)
    #expect(limits[binding] == limits.values.max())
    #expect(document["bound_us"] as? Double == limits[binding])
    #expect(document["real_time_factor"] == nil)
  }

  @Test func refusesWhatTheMachineCannotHold() throws {
    let result = try bench(Self.model, "--batch", "1048576", "--steps", "1048576")
    #expect(result.status == 64 && result.output.isEmpty)
    // 2^40 steps, of 4 numbers in and 9 out, of 8 bytes.
    #expect(result.errors.hasSuffix(
      "--batch and --steps take some 109,051,904 MiB, more than half of this machine's memory; choose smaller ones\n"))
  }

  @Test func countsTwoOperationsForEachWeight() throws {
    let result = try bench(Self.model, "--json", "--batch", "2", "--steps", "10")
    let document = try document(result.output)
    // LSTM(4, 9, num_layers=2): 36 rows of 4 + 9 and of 9 + 9 weights.
    let operations = 2.0 * 36 * (13 + 18) * 2 * 10
    let rate = try #require(document["gflops"] as? Double)
    let time = try #require(document["median_us"] as? Double)
    #expect(abs(rate * time * 1000 - operations) < 1e-6 * operations)
  }

  @Test func comparesAStepWithSound() throws {
    let result = try bench(Self.model, "--json", "--step")
    let document = try document(result.output)
    #expect(document["call"] as? String == "step")
    #expect(document["steps"] as? Int == 1)
    let factor = try #require(document["real_time_factor"] as? Double)
    let time = try #require(document["median_us"] as? Double)
    #expect(abs(factor * time * 44_100 / 1e6 - 1) < 1e-9)
  }

  @Test(arguments: ["lstm_bidirectional", "chain_embedding", "lstm_float64", "head_last_step", "gru_bfloat16"])
  func runs(_ name: String) throws {
    let result = try bench(Command.samples.appendingPathComponent(name + ".h5").path, "--steps", "5", "--isa", "portable")
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.contains("bound by"))
  }

  @Test func measuresOnceForEachLine() throws {
    let result = try bench(Self.model, "--paced", input: "\n\n\n")
    let lines = result.output.split(separator: "\n")
    #expect(lines.count == 3)
    for line in lines { #expect(try document(String(line))["median_us"] is Double) }
  }

  @Test(arguments: [
    ["--batch", "0"], ["--steps", "0"], ["--steps", "x"], ["--step", "--steps", "2"], ["--step", "--whole"],
    ["--seconds", "0"], ["--isa", "sse"], ["--threads", "0"],
  ])
  func refusesOptions(_ options: [String]) throws {
    let result = try Command.run(["bench", Self.model] + options)
    #expect(result.status == 64)
    #expect(result.output.isEmpty)
  }

  @Test func refusesAReverseDirectionStepByStep() throws {
    let result = try bench(Command.samples.appendingPathComponent("lstm_bidirectional.h5").path, "--step")
    #expect(result.status == 64)
    #expect(result.errors.contains("reverse direction"))
  }
}
