import ArgumentParser
import RNNKit

struct Bench: TalkingCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench", abstract: "Measures how fast a model runs here, and which limit of the machine holds it back.",
    discussion: """
      The input is random, the same every time. A run takes a batch of sequences through the model, with memory made
      beforehand and the state carried on from the run before; with --step it is one step, as in an audio callback; with
      --whole it is one call of the library that makes all its memory anew, which is how models with a reverse direction
      run. Times are of one run. They are compared with the least time that this machine's arithmetic, its caches and the
      wait of each step for the one before it allow, measured at the start.

        rnn bench model.rnn --batch 32 --steps 100
        rnn bench model.rnn --step
      """)

  @Argument(help: ArgumentHelp("The model file.", valueName: "model"), completion: Completions.model) var path: String
  @Option(help: "Sequences side by side.") var batch = 1
  @Option(help: "Steps of each sequence. Default: 100.") var steps: Int?
  @Option(help: "Threads to run on.") var threads = 1
  @Option(help: "Instructions to use. Default: the processor's best.") var isa: InstructionSetName?
  @Option(help: "Compute in f32 or f64. Default: the model's own.") var precision: Run.PrecisionName?
  @Flag(help: "What a run is: one step a call, the state carried, or a whole sequence in memory of its own.")
  var call: Call?
  @Option(help: ArgumentHelp("How long to measure.", valueName: "seconds")) var seconds = 1.0
  @Flag(help: "Measure again for each line on standard input, until its end, and write one line of JSON each.")
  var paced = false
  @Flag(help: "Print JSON (Schemas/bench.schema.json).") var json = false
  @OptionGroup(title: "Part of the model") var part: PartArguments
  @OptionGroup var talk: TalkArguments
  @OptionGroup(title: "Model options") var model: ModelArguments

  enum InstructionSetName: String, ExpressibleByArgument, CaseIterable {
    case portable, avx2, avx2vnni, avx512, avx512vnni
    var instructionSet: InstructionSet? { InstructionSet(rawValue: rawValue) }
  }

  enum Call: String, EnumerableFlag {
    case step, whole
  }

  /// More than any machine's memory takes, and few enough to multiply.
  private static let largest = 1 << 20

  func validate() throws {
    guard (1...Self.largest).contains(batch), steps.map({ (1...Self.largest).contains($0) }) ?? true else {
      throw ValidationError("--batch and --steps are 1 to \(Self.largest)")
    }
    try Threads.check(threads)
    guard call != .step || steps.map({ $0 == 1 }) ?? true else {
      throw ValidationError("--step runs one step a call: leave --steps out")
    }
    guard seconds >= 0.001, seconds <= 3600 else { throw ValidationError("--seconds is 0.001 to 3600") }
  }

  func run() throws {
    try OptionEffects.check(self)
    let start = Clock.nanoseconds
    let file = try model.open(path, modules: part.names, quiet: json || paced)
    let loaded = Clock.nanoseconds
    do {
      let plan = try Plan(
        file.model, modules: part.names, precision: precision?.precision, instructionSet: isa?.instructionSet)
      let packed = Clock.nanoseconds
      ModelArguments.sayWhatIsLeftOut(of: file)
      let call = call ?? (plan.isStreamable && plan.inputs.count == 1 && plan.outputs.count == 1 ? nil : .whole)
      let steps = call == .step ? 1 : self.steps ?? 100
      var random = SplitMix64(seed: 1)
      let measured = try measured(plan, call, steps, &random)
      let work = Workload(file.model, plan, steps: steps, batch: batch)
      let peaks = try MachinePeaks(plan.instructionSet, plan.precision, weights: Int(work.weights))
      let limits = Roofline(work, peaks, threads: threads)
      func result() throws -> BenchResult {
        BenchResult(
          file: path, loading: (loaded - start) / 1e6, packing: (packed - loaded) / 1e6, plan: plan, call: call, batch: batch, steps: steps, threads: threads,
          timing: try Timing(seconds: seconds, measured.run), work: work, peaks: peaks, limits: limits)
      }
      if paced {
        while readLine() != nil { Console.document(try result().document.text + "\n") }
      } else {
        let begun = Clock.nanoseconds
        let progress = Progress("measuring", .init(total: seconds * 1.1, done: { (Clock.nanoseconds - begun) / 1e9 }))
        defer { progress.end() }
        let result = try result()
        progress.end()
        if json { Console.document(result.document.indentedText + "\n") } else { Console.output(result.text) }
      }
    } catch let error as RNNError {
      throw error.inFile(path)
    }
  }

  /// What one thread takes for 100 steps of one sequence, as text.
  static func text(of file: ModelFile) throws -> String {
    let bench = try Bench.parse([file.path])
    let start = Clock.nanoseconds
    let plan = try Plan(file.model)
    let packing = (Clock.nanoseconds - start) / 1e6
    let call: Call? = plan.isStreamable && plan.inputs.count == 1 && plan.outputs.count == 1 ? nil : .whole
    var random = SplitMix64(seed: 1)
    let measured = try bench.measured(plan, call, 100, &random)
    let work = Workload(file.model, plan, steps: 100, batch: 1)
    let peaks = try MachinePeaks(plan.instructionSet, plan.precision, weights: Int(work.weights))
    return BenchResult(
      file: file.path, loading: 0, packing: packing, plan: plan, call: call, batch: 1, steps: 100, threads: 1,
      timing: try Timing(seconds: bench.seconds, measured.run), work: work, peaks: peaks, limits: Roofline(work, peaks, threads: 1)).text
  }

  private func measured(_ plan: Plan, _ call: Call?, _ steps: Int, _ random: inout SplitMix64) throws -> any BenchCall {
    try Self.checkMemory(bytes: Double(batch) * Double(steps) * Double((plan.inputs.map(\.features) + plan.outputs.map(\.features)).reduce(0, +)) * 8)
    if call == .whole { return try PlanCall(plan, batch: batch, steps: steps, threads: threads, &random) }
    return switch plan.precision {
    case .float32: try RunnerCall<Float>(plan, batch: batch, steps: steps, threads: threads, &random)
    case .float64: try RunnerCall<Double>(plan, batch: batch, steps: steps, threads: threads, &random)
    }
  }
}
