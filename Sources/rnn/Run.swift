import ArgumentParser
import RNNKit

struct Run: TalkingCommand {
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

      Out come y, what the layers after the last recurrent one make of its output; output, its hidden state at every \
      step; and hn and cn, the last states. A .npy, .csv or .wav output holds the first output, .npz and .json \
      hold all. \
      Without --output the tensors are printed. Arrays for an ONNX model may have the names of its graph's inputs; those \
      that are weights become the model's.

        rnn run model.rnn --input x.npy --output y.npy
        rnn run model.rnn --input x.csv --h0 normal:0.1,42
        rnn run amp.nam --input guitar.wav --output amp.wav
        rnn run model.rnn --input first.npy --state-out s.npz
        rnn run model.rnn --input second.npy --state-in s.npz
        tail -f samples.txt | rnn run model.rnn --stream
      """)

  @Argument(help: ArgumentHelp("The model file.", valueName: "model"), completion: Completions.model) var path: String
  @Option(name: .shortAndLong, help: ArgumentHelp(
    "The input: \(Arrays.extensions); - for standard input. A table has a row a step. Repeatable, for arrays in files of their own.",
    valueName: "file"), completion: Completions.arrays)
  var input: [String] = []
  @Option(name: .shortAndLong, help: ArgumentHelp(
    "Where results go: \(Arrays.extensions); - for standard output as JSON.", valueName: "file"), completion: Completions.arrays)
  var output: String?
  @Option(help: ArgumentHelp(
    "The first hidden state: a file, zeros, or normal:SIGMA,SEED. Default: the input file's h0, else zeros.",
    valueName: "state"), completion: Completions.arrays)
  var h0: String?
  @Option(help: ArgumentHelp(
    "An LSTM's first cell state: a file, or zeros. Default: the input file's c0, else zeros.", valueName: "state"), completion: Completions.arrays)
  var c0: String?
  @Option(help: ArgumentHelp("Go on from the state that --state-out wrote.", valueName: "file"), completion: Completions.arrays) var stateIn: String?
  @Option(help: ArgumentHelp("Write the last state, to go on from later: .npz or .json.", valueName: "file"), completion: Completions.arrays)
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
  @Option(help: ArgumentHelp(
    "For a classifier: the names of its classes, a line each or as JSON. Prints them with their probabilities, best first.",
    valueName: "file"), completion: .file())
  var labels: String?
  @Flag(help: "Draw the first feature of input and result over time.") var plot = false
  @Flag(name: .shortAndLong, help: "Replace existing outputs.") var force = false
  @OptionGroup var talk: TalkArguments
  @OptionGroup var model: ModelArguments

  enum PrecisionName: String, ExpressibleByArgument, CaseIterable {
    case f32, f64
    var precision: Precision { self == .f32 ? .float32 : .float64 }
  }

  private var states: StateArguments { StateArguments(h0: h0, c0: c0, stateIn: stateIn, hdf5: model.hdf5) }

  func validate() throws {
    try Threads.check(threads)
    guard stream == input.isEmpty else {
      throw ValidationError(
        stream ? "--stream reads standard input: leave --input out" : "Missing expected argument '--input <file>'")
    }
    guard !(stream && (output != nil || plot)) else {
      throw ValidationError("--stream writes to standard output: leave --output and --plot out")
    }
    guard !(stream && labels != nil) else { throw ValidationError("--labels is of a whole run: leave it out beside --stream") }
    guard stateIn == nil || (h0 == nil && c0 == nil) else {
      throw ValidationError("--state-in and --h0 or --c0 both name the first state: leave one out")
    }
    let fromStandardInput = ([path, stream ? "-" : "", h0 ?? "", c0 ?? "", stateIn ?? "", labels ?? ""] + input).count { $0 == "-" }
    guard fromStandardInput <= 1 else {
      throw ValidationError("standard input can only be read once: save all but one of the inputs as files")
    }
    guard [output == "-", stateOut == "-", plot || stream || labels != nil].count(where: { $0 }) <= 1 else {
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
    let labels = try labels.map { (path) throws(RNNError) in try Labels(path) }
    let hdf5 = model.hdf5
    let arrays = try arrays(hdf5)
    let file = try model.open(
      path, supplying: arrays.members, modules: part.names, others: [h0, c0, stateIn].compactMap { $0 }, through: hdf5)
    do throws(RNNError) {
      let plan = try Plan(file.model, modules: part.names, precision: precision?.precision)
      ModelArguments.sayWhatIsLeftOut(of: file)
      try lastState?.checkHolds(stateOf: plan)
      try labels?.check(plan)
      if stream {
        progress.end()
        let state = try states.state(of: plan, batch: 1)
        let last = try Stream(plan: plan, state: state).run()
        try lastState?.write(last)
      } else {
        var members = try file.members.map { (member) throws(RNNError) in
          try Arrays.typed(member, arrays.format, indices: plan.indexNames)
        }
        if !arrays.format.isText { members = try taken(members, plan) }
        try arrays.sound?.check(members.first?.tensor, for: plan, file.model)
        let inputs = try SequenceInputs(members, of: input.first ?? "-", plan, states)
        try OptionEffects.checkLayout(model, of: plan, inputs.inputs)
        let kept = plot && output == nil ? Plan.Keeping(members: [plan.resultName], state: stateOut != nil) : Plan.Keeping()
        let run = try inputs.run(
          threads: threads, keeping: try results?.keeping(of: plan, inputs, state: stateOut != nil) ?? kept)
        progress.end()
        try warnOfWhatIsNotFinite(file.model, plan, inputs, run)
        try lastState?.write(run.outputs.state)
        if let end = run.outputs.last {
          try results?.write(
            run.outputs.members, end: end, batchAxis: run.batchAxis, sampleRate: arrays.sound?.rate ?? Sound.rate(of: file.model))
        }
        if plot { draw(run) }
        if let labels, let result = run.outputs.last {
          if let note = labels.note(plan) { Console.note("\(path): \(note)") }
          Console.output(labels.text(result, plan, axes: run.axes(of: result)))
        } else if !plot, output == nil {
          for member in run.outputs.resultsFirst { Console.output("\(member.name)\n\(TensorPrinter.text(member.tensor))\n") }
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
    if stream || plot || labels != nil || output == nil { try outputs.addStandardOutput() }
    try outputs.check(input: "the model", path)
    if let labels { try outputs.check(input: "--labels", labels) }
  }

  /// The arrays of every input file, the first file's format, and that file where it is a sound.
  private func arrays(_ hdf5: HDF5Process) throws(RNNError) -> (members: [NamedTensor], format: any ArrayFormat, sound: Sound?) {
    var result: (members: [NamedTensor], format: any ArrayFormat, sound: Sound?) = ([], NPYFormat(), nil)
    for (index, path) in input.enumerated() {
      let (members, format, rate) = try Arrays.raw(path, hdf5)
      if index == 0 { (result.format, result.sound) = (format, rate.map { Sound(path: path, rate: $0) }) }
      for member in members {
        guard !result.members.contains(where: { $0.name == member.name }) else {
          throw RNNError(.usage, file: path, "a second array named \(member.name)", remedy: "give each array once")
        }
        result.members.append(member)
      }
    }
    return result
  }

  /// Members of a file that has types as the model takes them, which is said: whole numbers become floats, and float64 may
  /// be rounded.
  private func taken(_ members: [NamedTensor], _ plan: Plan) throws(RNNError) -> [NamedTensor] {
    let type = plan.precision.elementType
    let names = Set(plan.inputs.filter { !$0.takesIndices }.flatMap(plan.names))
    return try members.map { (member) throws(RNNError) in
      guard names.contains(member.name) || members.count == 1 && !plan.takesIndices else { return member }
      let name = plan.inputs.count == 1 ? "the input" : "the input \(member.name)"
      let given = member.tensor.elementType
      if let widened = try member.tensor.widenedToDoubles() {
        Console.note("\(path): \(name) is \(given.rawValue), taken as \(type.rawValue)")
        return NamedTensor(member.name, widened)
      }
      if given == .float64, type == .float32 {
        Console.note("\(path): \(name) is float64, rounded to float32, in which the model is computed (--precision f64 keeps it)")
      }
      return member
    }
  }

  private func warnOfWhatIsNotFinite(
    _ model: Model, _ plan: Plan, _ inputs: SequenceInputs, _ run: SequenceInputs.Result
  ) throws(RNNError) {
    var warning = NotFinite(path)
    try warning.add(weightsOf: model)
    for (name, tensor) in zip(plan.inputs.map(\.name), inputs.inputs) {
      try warning.add(plan.inputs.count == 1 ? "the input" : "the input \(name)", tensor)
    }
    try warning.add("the result", run.outputs.last)
    warning.warn()
  }

  /// Draws the first sequence's first feature of what went in and what came out.
  private func draw(_ run: SequenceInputs.Result) {
    for (name, tensor) in [("input", run.input), ("result", run.outputs.last ?? run.input)] {
      let series = run.firstFeature(of: tensor)
      Console.output("\(name)\(run.place(in: tensor)), \(counted(series.count, "step")), \(Plot.range(of: series))\n")
      Console.output(Plot.lines(series).map { $0 + "\n" }.joined())
    }
  }
}
