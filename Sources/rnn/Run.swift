import ArgumentParser
import RNNKit

struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Runs a model on an input.",
    usage: """
      rnn run [<options>] <model> --input <file>
      rnn run [<options>] <model> --stream
      """,
    discussion: """
      The input is (time, batch, features), (batch, time, features) for a batch-first model, or (time, features) for a \
      single sequence; for an embedding it is whole numbers, without the last axis. A file of several arrays may hold \
      input, h0, c0 and lengths, and <module>.h0 where there are several recurrent modules.

      Out come output, the last recurrent layer's hidden state at every step; hn and cn, the last states; and y, what the \
      layers after it make of output. A .npy or .csv output holds the first output, .npz and .json hold all. \
      Without --output the tensors are printed. Arrays for an ONNX model may have the names of its graph's inputs; those \
      that are weights become the model's.

        rnn run model.rnn --input x.npy --output y.npy
        rnn run model.rnn --input x.csv --h0 normal:0.1,42
        rnn run model.rnn --input first.npy --state-out s.npz
        rnn run model.rnn --input second.npy --state-in s.npz
        tail -f samples.txt | rnn run model.rnn --stream
      """)

  @Argument(help: ArgumentHelp("The model file.", valueName: "model")) var path: String
  @Option(help: ArgumentHelp(
    "The input: \(Arrays.extensions); - for standard input. A table has a row a step. Repeatable, for arrays in files of their own.",
    valueName: "file"))
  var input: [String] = []
  @Option(help: ArgumentHelp(
    "Where results go: \(Arrays.extensions); - for standard output as JSON.", valueName: "file"))
  var output: String?
  @Option(help: ArgumentHelp(
    "The first hidden state: a file, zeros, or normal:SIGMA,SEED. Default: the input file's h0, else zeros.",
    valueName: "state"))
  var h0: String?
  @Option(help: ArgumentHelp(
    "An LSTM's first cell state: a file, or zeros. Default: the input file's c0, else zeros.", valueName: "state"))
  var c0: String?
  @Option(help: ArgumentHelp("Go on from the state that --state-out wrote.", valueName: "file")) var stateIn: String?
  @Option(help: ArgumentHelp("Write the last state, to go on from later: .npz or .json.", valueName: "file"))
  var stateOut: String?
  @OptionGroup var part: PartArguments
  @Option(help: ArgumentHelp("Compute in this type. Default: the model's own.", valueName: "type"))
  var precision: PrecisionName?
  @Option(help: "Threads to run on; the results are the same.") var threads = 1
  @Flag(help: """
    Read steps from standard input as they come, a line of numbers or a JSON list each, and write each step's result at \
    once.
    """)
  var stream = false
  @Flag(help: "Draw the first feature of input and result over time.") var plot = false
  @Flag(help: "Replace existing outputs.") var force = false
  @OptionGroup var model: ModelArguments

  enum PrecisionName: String, ExpressibleByArgument, CaseIterable {
    case f32, f64
    var precision: Precision { self == .f32 ? .float32 : .float64 }
  }

  private var states: StateArguments { StateArguments(h0: h0, c0: c0, stateIn: stateIn) }

  func validate() throws {
    try Threads.check(threads)
    guard stream == input.isEmpty else {
      throw ValidationError(
        stream ? "--stream reads standard input: leave --input out" : "Missing expected argument '--input <file>'")
    }
    guard !(stream && (output != nil || plot)) else {
      throw ValidationError("--stream writes to standard output: leave --output and --plot out")
    }
    guard stateIn == nil || (h0 == nil && c0 == nil) else {
      throw ValidationError("--state-in and --h0 or --c0 both name the first state: leave one out")
    }
    let fromStandardInput = ([path, stream ? "-" : "", h0 ?? "", c0 ?? "", stateIn ?? ""] + input).count { $0 == "-" }
    guard fromStandardInput <= 1 else {
      throw ValidationError("standard input can only be read once: save all but one of the inputs as files")
    }
    guard [output == "-", stateOut == "-", plot || stream].count(where: { $0 }) <= 1 else {
      throw ValidationError("standard output can only take one result: write the others to files")
    }
    guard output == nil || output == "-" || output?.fileNameBytes != stateOut?.fileNameBytes else {
      throw ValidationError("--output and --state-out name the same file: choose two")
    }
  }

  func run() throws {
    let progress = Progress("running")
    defer { progress.end() }
    // Options and outputs that cannot be are refused before the work.
    try OptionEffects.check(self)
    try states.check()
    try checkOutputs()
    var results: ArrayTarget?
    var lastState: ArrayTarget?
    if let output { results = try ArrayTarget(output, replacing: force) }
    if let stateOut { lastState = try ArrayTarget(stateOut, replacing: force) }
    let arrays = try arrays()
    let file = try model.open(path, supplying: arrays.members, modules: part.names, others: input + [h0, c0, stateIn].compactMap { $0 })
    do throws(RNNError) {
      let plan = try Plan(file.model, modules: part.names, precision: precision?.precision)
      ModelArguments.sayWhatIsLeftOut(of: file)
      try lastState?.checkHolds(stateOf: plan)
      if stream {
        progress.end()
        let state = try states.state(of: plan, batch: 1)
        let last = try Stream(plan: plan, state: state).run()
        try lastState?.write(last)
      } else {
        let members = try file.members.map { (member) throws(RNNError) in
          try Arrays.typed(member, arrays.format, indices: plan.indexNames)
        }
        let inputs = try SequenceInputs(members, of: input.first ?? "-", plan, states)
        try OptionEffects.checkLayout(model, of: plan, inputs.inputs)
        let kept = plot && output == nil ? Plan.Keeping(members: [plan.resultName], state: stateOut != nil) : Plan.Keeping()
        let run = try inputs.run(
          threads: threads, keeping: try results?.keeping(of: plan, inputs, state: stateOut != nil) ?? kept)
        progress.end()
        try lastState?.write(run.outputs.state)
        if let end = run.outputs.last { try results?.write(run.outputs.members, end: end, batchAxis: run.batchAxis) }
        if plot {
          draw(run)
        } else if output == nil {
          for member in run.outputs.members { Console.output("\(member.name)\n\(TensorPrinter.text(member.tensor))\n") }
        }
      }
    } catch {
      throw error.inFile(path)
    }
    try ArrayTarget.publish(&results, &lastState)
  }

  /// Refuses outputs that would take each other's place or the model's. One may take that of an input or a state.
  private func checkOutputs() throws(RNNError) {
    var outputs = WrittenFiles()
    if let output { try outputs.add("--output", output) }
    if let stateOut { try outputs.add("--state-out", stateOut) }
    if stream || plot || output == nil { try outputs.addStandardOutput() }
    try outputs.check(input: "the model", path)
  }

  /// The arrays of every input file, and the first file's format.
  private func arrays() throws(RNNError) -> (members: [NamedTensor], format: any ArrayFormat.Type) {
    var result: (members: [NamedTensor], format: any ArrayFormat.Type) = ([], NPYFormat.self)
    for (index, path) in input.enumerated() {
      let (members, format) = try Arrays.raw(path)
      if index == 0 { result.format = format }
      for member in members {
        guard !result.members.contains(where: { $0.name == member.name }) else {
          throw RNNError(.usage, file: path, "a second array named \(member.name)", remedy: "give each array once")
        }
        result.members.append(member)
      }
    }
    return result
  }

  /// Draws the first sequence's first feature of what went in and what came out.
  private func draw(_ run: SequenceInputs.Result) {
    for (name, tensor) in [("input", run.input), ("result", run.outputs.last ?? run.input)] {
      let series = run.firstFeature(of: tensor)
      Console.output("\(name), first feature, \(counted(series.count, "step"))\n")
      Console.output(Plot.lines(series).map { $0 + "\n" }.joined())
    }
  }
}
