import ArgumentParser
import RNNKit

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

struct Diagnose: TalkingCommand {
  static let configuration = CommandConfiguration(
    commandName: "diagnose", abstract: "Shows what a model does to signals: recurrent weights, saturation, gradients through time.",
    usage: "rnn diagnose [<options>] <model>",
    discussion: """
      For each recurrent layer: the spectral radius and norm of W_hh, how many units and gates sit at the ends of their \
      range on the input, and how much of a change of the state t steps back still reaches the last state, the norm of \
      dh_T/dh_t by exact backward recursion in float64. Then how fast a change of the input's first step by one unit in \
      the last place grows, which is why two frameworks' numbers drift apart.

        rnn diagnose model.rnn --input x.csv
      """)

  @Argument(help: ArgumentHelp("The model file.", valueName: "model"), completion: Completions.model) var path: String
  @Option(name: .shortAndLong, help: ArgumentHelp(
    "The input, as for 'rnn run'. Default: the model's first reference case, else 100 steps of normal noise.", valueName: "file"), completion: Completions.arrays)
  var input: String?
  @Flag(help: "Print JSON (Schemas/diagnose.schema.json).") var json = false
  @OptionGroup var part: PartArguments
  @OptionGroup var talk: TalkArguments
  @OptionGroup var model: ModelArguments

  func run() throws {
    let file = try model.open(path, modules: part.names, others: [input].compactMap { $0 }, quiet: json)
    let source: DiagnosisInput
    do throws(RNNError) {
      source = try DiagnosisInput(file: file, modules: part.names, path: input, model.hdf5)
    } catch {
      throw error.inFile(path)
    }
    ModelArguments.sayWhatIsLeftOut(of: file)
    do throws(RNNError) { try OptionEffects.checkLayout(model, of: source.plan, [source.given]) } catch { throw error.inFile(path) }
    let diagnosis = try Diagnosis(file.model, source.forward, input: source.sequence)
    let growth = try PerturbationGrowth(file.model, modules: part.names, input: source.tensor)
    if json {
      Console.document(document(diagnosis, growth, source).indentedText + "\n")
    } else {
      Console.output(text(diagnosis, growth, source))
    }
  }

  private func text(_ diagnosis: Diagnosis, _ growth: PerturbationGrowth, _ source: DiagnosisInput) -> String {
    var result = "input: \(source.description), \(grouped(diagnosis.stepCount)) steps\n".escapingControlCharacters(except: "\n")
    for layer in diagnosis.layers {
      let name = "\(layer.module.isEmpty ? "layer" : layer.module + " layer") \(layer.layer)\(layer.isReverse ? " reverse" : "")"
      result += "\n\(name.escapingControlCharacters()): the gradient \(layer.verdict.text)\n"
      var table = Table(right: [1, 2, 3])
      table.add("W_hh", "spectral radius", "norm", "saturated")
      for block in layer.blocks {
        let share = layer.saturation.first { $0.name == block.name }.map { "\(($0.share * 100).short) %" }
        table.add(block.name, block.spectralRadius.short, block.norm.short, share ?? "-")
      }
      result += table.text
      result += plot(layer.gradient, "‖dh_T/dh_t‖, log10, by steps back from the end")
      if !layer.cellGradient.isEmpty { result += plot(layer.cellGradient, "‖dh_T/dc_t‖, log10, by steps back from the end") }
    }
    result += "\nOne unit in the last place added to the first step's input changes the output by \(growth.text).\n"
    return result
  }

  private func plot(_ norms: [Double], _ title: String) -> String {
    // What no gradient reaches is left out in front; zeros behind, below every logarithm, are drawn at the bottom.
    let start = norms.firstIndex { $0 != 0 } ?? 0
    let logs = norms[start...].map { $0 > 0 ? max(log10($0), -12) : -12 }
    guard logs.count > 2 else { return "" }
    let low = min(logs.min() ?? -1, -1), width = min(64, Plot.width - 2)
    let lines = Plot.lines(logs, width: width, height: 4, range: low...max(logs.max() ?? 0, 0.1))
    let from = start == 0 ? "" : ", from step \(grouped(start)) back on"
    return "  \(title)\(from), \(Plot.range(of: logs, width: width))\n" + lines.map { "  \($0)\n" }.joined()
  }

  private func document(
    _ diagnosis: Diagnosis, _ growth: PerturbationGrowth, _ source: DiagnosisInput
  ) -> JSONValue {
    .object([
      .init("file", .string(path.readableFileName)), .init("input", .string(source.description.readableFileName)),
      .init("steps", .integer(Int64(diagnosis.stepCount))),
      .init("layers", .array(diagnosis.layers.map { layer in
        .object([
          .init("module", .string(layer.module)), .init("layer", .integer(Int64(layer.layer))),
          .init("reverse", .bool(layer.isReverse)), .init("verdict", .string(layer.verdict.text)),
          .init("blocks", .array(layer.blocks.map { block in
            .object([
              .init("name", .string(block.name)), .init("spectral_radius", .number(block.spectralRadius)),
              .init("norm", .number(block.norm)),
            ])
          })),
          .init("saturation", .array(layer.saturation.map { saturation in
            .object([.init("name", .string(saturation.name)), .init("share", .number(saturation.share))])
          })),
          .init("gradient", .array(layer.gradient.map(JSONValue.number))),
          .init("cell_gradient", .array(layer.cellGradient.map(JSONValue.number))),
        ])
      })),
      .init("one_ulp", .object([
        .init("largest_change", .array(growth.changes.map(JSONValue.number))),
        .init("ulps", .array(growth.ulps.map(JSONValue.number))),
      ])),
    ])
  }
}

/// The sequence a diagnosis runs on.
struct DiagnosisInput {
  let plan: Plan
  /// The input as it was given, with its batch axis.
  let given: Tensor
  let forward: Forward
  /// (time, features), or (time) of an embedding's indices.
  let tensor: Tensor
  let sequence: [[Double]]
  let description: String

  /// The given file's input, the model's first reference case, or noise.
  init(file: ModelFile, modules names: [String]?, path: String?, _ hdf5: HDF5Process) throws(RNNError) {
    let plan = try Plan(file.model, modules: names, precision: .float64)
    let source: Tensor
    if let path {
      source = try Arrays.read("input", from: path, indices: plan.indexNames, hdf5)
      description = path
    } else if names == nil, let reference = file.model.archive.cases.first(where: { reference in
      !reference.metadata.contains { $0.key == "modules" }
    }), let input = reference["input"] {
      source = input
      description = "reference case \(reference.name)"
    } else {
      var noise = NormalNumbers(seed: 1)
      guard !plan.takesIndices, let shape = Shape([100, plan.inputSize]),
        let tensor = Tensor((0..<shape.count).map({ _ in noise.next() }), shape)
      else { throw RNNError(.usage, "there is no case to run on, and noise is no input for this model", remedy: "give one with --input") }
      source = tensor
      description = "normal noise"
    }
    (self.plan, given) = (plan, source)
    forward = plan.architecture.forward ?? Forward()
    let (axes, features) = (plan.takesIndices ? 1 : 2, plan.takesIndices ? 1 : plan.inputSize)
    guard source.shape.rank == axes || source.shape.rank == axes + 1,
      plan.takesIndices || source.shape.dimensions.last == features
    else {
      throw RNNError(.badData, file: path, place: "input",
        "its shape is \(source.shape), expected (time, batch, \(features)) or (time, \(features))", remedy: "reshape it")
    }
    // The first sequence of a batch.
    let values = source.doubles
    let isBatched = source.shape.rank == axes + 1
    let batchFirst = plan.architecture.batchFirst
    let steps = source.shape[isBatched && batchFirst ? 1 : 0]
    let batch = isBatched ? source.shape[batchFirst ? 0 : 1] : 1
    guard steps > 0, batch > 0 else {
      throw RNNError(.badData, file: path, place: "input", "its shape \(source.shape) is empty", remedy: "give a sequence")
    }
    sequence = (0..<steps).map { step in
      let start = (batchFirst ? step : step * batch) * features
      return Array(values[start..<start + features])
    }
    let shape = Shape(plan.takesIndices ? [steps] : [steps, features])
    let flat = sequence.flatMap { $0 }
    tensor = shape.flatMap { plan.takesIndices ? Tensor(flat.map { Int64($0) }, $0) : Tensor(flat, $0) } ?? source
  }
}
