import ArgumentParser
import RNNKit

struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Runs a model on an input.",
    discussion: """
      The input is (time, batch, features), (batch, time, features) for a batch-first model, or (time, features); of an
      embedding, whole numbers without the last axis. A file with several arrays may hold input, h0, c0 and lengths
      (<module>.h0 where a chain has several recurrent modules). Out come output, the last recurrent layer's hidden state at
      every step; hn and cn, the last states; and y, what the layers after it make of it. A .npy or .csv output holds what
      the chain ends in, .npz and .json hold all. Without --output the tensors are printed.

        rnn run model.rnn --input x.npy --output y.npy
        rnn run model.rnn --input x.csv --h0 normal:0.1,42
        tail -f samples.txt | rnn run model.rnn --stream
      """)

  @Argument(help: "The model file.") var path: String
  @Option(help: ArgumentHelp("The input: .npy, .npz, .csv (a row a step), .json or .h5; - for standard input.", valueName: "file"))
  var input: String?
  @Option(help: ArgumentHelp("The first hidden state: a file, zeros, or normal:SIGMA,SEED. Default: the input file's h0, else zeros.", valueName: "state"))
  var h0: String?
  @Option(help: ArgumentHelp("An LSTM's first cell state: a file, or zeros.", valueName: "state")) var c0: String?
  @Option(help: ArgumentHelp("Go on from the state that --state-out wrote.", valueName: "file")) var stateIn: String?
  @Option(help: ArgumentHelp("Write the last state, to go on from later.", valueName: "file")) var stateOut: String?
  @Option(help: ArgumentHelp("Where results go: .npy, .npz, .csv or .json; - for standard output as JSON.", valueName: "file"))
  var output: String?
  @Option(help: "Compute in f32 or f64. Default: the model's own.") var precision: PrecisionName?
  @Flag(help: "Read steps from standard input as they come, a line of numbers or JSON each, and write each step's result at once.")
  var stream = false
  @Flag(help: "Draw the first feature of input and result over time.") var plot = false
  @Flag(help: "Replace existing outputs.") var force = false
  @OptionGroup(title: "Part of the chain") var part: PartArguments
  @OptionGroup(title: "Model options") var model: ModelArguments

  enum PrecisionName: String, ExpressibleByArgument, CaseIterable {
    case f32, f64
    var precision: Precision { self == .f32 ? .float32 : .float64 }
  }

  func validate() throws {
    guard stream == (input == nil) else {
      throw ValidationError(stream ? "--stream reads standard input: leave --input out" : "--input FILE is missing")
    }
    guard !(stream && (output != nil || plot)) else {
      throw ValidationError("--stream writes to standard output: leave --output and --plot out")
    }
    guard stateIn == nil || (h0 == nil && c0 == nil) else {
      throw ValidationError("--state-in and --h0 or --c0 both name the first state")
    }
  }

  func run() throws {
    let progress = Progress("running")
    defer { progress.end() }
    // Outputs that could not be written are refused before the work.
    let writers = try [output, stateOut].map { (path) throws(RNNError) in
      try path.map { (path) throws(RNNError) in try Arrays.registry.writer(for: path == "-" ? "-.json" : path) }
    }
    let file = try model.open(path)
    do {
      let plan = try Plan(file.model, modules: part.names, precision: precision?.precision)
      if stream {
        progress.end()
        try Stream(plan: plan, stateIn: stateIn, stateOut: stateOut, h0: h0, c0: c0, force: force).run()
        return
      }
      try run(plan, writers, progress)
    } catch let error as RNNError {
      throw error.inFile(error.place?.hasPrefix("input") == true || error.place?.hasPrefix("lengths") == true ? input ?? path : path)
    }
  }

  private func run(_ plan: Plan, _ writers: [(any ArrayFormat.Type)?], _ progress: Progress) throws {
    let members = try Arrays.read(input ?? "-", takesIndices: plan.takesIndices)
    guard let tensor = members.first(where: { $0.name == "input" })?.tensor ?? (members.count == 1 ? members[0].tensor : nil)
    else {
      throw RNNError(.badData, file: input, "holds no array named input, but \(members.map(\.name).joined(separator: ", "))",
        remedy: "name the array input")
    }
    let known = { (name: String) in ["input", "h0", "c0", "lengths"].contains { name == $0 || name.hasSuffix("." + $0) } }
    // What a case's file holds besides its inputs needs no word.
    let ignored = { (name: String) in
      ["output", "hn", "cn", "y", "output64", "y64"].contains { name == $0 || name.hasSuffix("." + $0) }
    }
    for member in members where members.count > 1 && !known(member.name) && !ignored(member.name) {
      Console.note("\(input ?? ""): \(member.name) is not used; what goes in is named input, h0, c0 or lengths")
    }
    let states = StateArguments(h0: h0, c0: c0, stateIn: stateIn)
    let isBatched = tensor.shape.rank == (plan.takesIndices ? 2 : 3)
    let batch = isBatched ? tensor.shape[plan.architecture.batchFirst ? 0 : 1] : 1
    let state = try states.state(of: plan, batch: batch) { name in members.first { $0.name == name }?.tensor }
    let lengths = try members.first { $0.name == "lengths" }.map { (named) throws(RNNError) in try Plan.lengths(named.tensor) }
    let outputs = try plan.run(tensor, state: state, lengths: lengths, isPiece: stateIn != nil && plan.isStreamable)
    guard let end = outputs.last else { throw RNNError(.defect, "the chain gave nothing", remedy: "report it") }
    progress.end()
    if let output, let writer = writers[0] {
      var target = try OutputFile(output, replacing: force)
      let batchAxis = isBatched ? (end.shape.rank < 3 || plan.architecture.batchFirst ? 0 : 1) : nil
      do throws(RNNError) {
        try writer.write(ArrayOutput(members: outputs.members, end: end, batchAxis: batchAxis), to: &target)
        try target.commit()
      } catch {
        throw error.inFile(output)
      }
    } else if !plot {
      for member in outputs.members { Console.output("\(member.name)\n\(TensorPrinter.text(member.tensor))\n") }
    }
    if plot { draw(tensor, end, isBatched: isBatched, batchFirst: plan.architecture.batchFirst) }
    if let stateOut { try StateArguments.write(outputs.state, to: stateOut, replacing: force) }
  }

  /// Draws the first sequence's first feature of what went in and what came out.
  private func draw(_ input: Tensor, _ end: Tensor, isBatched: Bool, batchFirst: Bool) {
    for (name, tensor) in [("input", input), ("result", end)] {
      let sizes = tensor.shape.dimensions
      let values = tensor.doubles
      let features = tensor.elementType.isInteger && name == "input" ? 1 : sizes.last ?? 1
      let steps = isBatched && sizes.count > 1 ? sizes[batchFirst ? 1 : 0] : sizes.first ?? 1
      let batch = isBatched ? sizes[batchFirst ? 0 : 1] : 1
      let series = (0..<steps).compactMap { step -> Double? in
        let index = (batchFirst ? step : step * batch) * features
        return index < values.count ? values[index] : nil
      }
      Console.output("\(name)\n" + Plot.lines(series).map { $0 + "\n" }.joined())
    }
  }
}
