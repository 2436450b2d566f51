import ArgumentParser
import RNNKit

struct Inspect: TalkingCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect", abstract: "Shows a model's architecture, parameters and reference cases.",
    usage: "rnn inspect [<options>] <model>")

  @Argument(help: ArgumentHelp("The model file.", valueName: "model"), completion: Completions.model) var path: String
  @Flag(help: "Print JSON (Schemas/inspect.schema.json).") var json = false
  @OptionGroup var part: PartArguments
  @OptionGroup var talk: TalkArguments
  @OptionGroup var model: ModelArguments

  func run() throws {
    // Nothing is computed here: what could not be run as the file asks is said, and shown all the same.
    // What is no model is an error, but its tensors' names are what the next step needs.
    let failures = LateFailures()
    var file = try model.open(
      path, modules: part.names, quiet: json, ignoring: Set(Departure.Kind.allCases), unpacking: failures
    ) { contents in
      if !json, !contents.archive.tensors.isEmpty { Console.output(tensors(contents)) }
    }
    if let names = part.names {
      let known = file.notes.count
      file = try file.part(names)
      if !json { for note in file.notes.dropFirst(known) { Console.note("\(path): \(note)") } }
    }
    do throws(RNNError) {
      let result = json ? try file.report(in: CommandWording()).indentedText + "\n" : try text(file)
      try failures.check()
      if json { Console.document(result) } else { Console.output(result) }
    } catch {
      throw error.inFile(path)
    }
  }

  /// Tensors of a file that is no model, as many as are shown.
  private func tensors(_ file: TensorFile) -> String {
    let shown = 1000
    var table = Table(right: [3])
    for tensor in file.archive.tensors.prefix(shown) {
      let value = tensor.tensor
      table.add(tensor.name, "\(value.shape)", value.elementType.rawValue, grouped(value.byteCount))
    }
    let rest = file.archive.tensors.count - shown
    return "\(file.path): \(file.format), \(grouped(file.byteCount)) bytes\n\ntensors\n"
      .escapingControlCharacters(except: "\n") + table.text + (rest > 0 ? "  … and \(grouped(rest)) more\n" : "")
  }

  private func text(_ file: ModelFile) throws(RNNError) -> String {
    let (model, architecture) = (file.model, file.model.architecture)
    var result = "\(file.path): \(file.format), \(grouped(file.byteCount)) bytes\n\n".escapingControlCharacters(except: "\n")
    let line = architecture.forward?.line(modules: architecture.modules)
    result += "forward  \(line ?? "not known: say it with --forward")\n".escapingControlCharacters(except: "\n")
    for candidate in file.otherLines { result += "  or it may be  \(candidate)\n".escapingControlCharacters(except: "\n") }
    result += "\n"
    var modules = Table()
    for module in architecture.modules {
      modules.add(module.name.isEmpty ? "-" : module.name, module.repr(batchFirst: architecture.batchFirst))
    }
    result += modules.text
    result += steps(model)

    var table = Table(right: [3])
    var carried = Table(right: [3])
    var (parameters, bytes, warnings) = (0, 0, "")
    for (tensor, isParameter) in model.tensorsInOrder {
      let value = tensor.tensor
      let cells = (tensor.name, "\(value.shape)", value.elementType.rawValue, grouped(value.byteCount))
      if isParameter {
        table.add(cells.0, cells.1, cells.2, cells.3)
        parameters += value.count
        bytes += value.byteCount
      } else {
        carried.add(cells.0, cells.1, cells.2, cells.3)
      }
      guard isParameter else { continue }
      let (nan, infinite) = try value.nonFiniteCounts()
      if nan + infinite > 0 {
        warnings += "  \(tensor.name): \(grouped(nan)) NaN and \(grouped(infinite)) infinite values\n"
      }
    }
    result += "\nparameters\n" + table.text + "  \(grouped(parameters)) values, \(grouped(bytes)) bytes\n"
    if !warnings.isEmpty { result += "\nwarning: weights that are not finite\n" + warnings }
    if !model.carried.isEmpty { result += "\ncarried along, no parameters\n" + carried.text }
    if !model.archive.cases.isEmpty { result += "\nreference cases\n" + cases(model.archive.cases) }
    if !model.archive.metadata.isEmpty {
      var table = Table()
      for member in model.archive.metadata {
        let text = member.value.string ?? member.value.text
        table.add(member.key, text.count > 100 ? text.prefix(100) + "…" : text)
      }
      result += "\nmetadata\n" + table.text
    }
    return result
  }

  /// The steps of the forward, with what each gives and costs.
  private func steps(_ model: Model) -> String {
    let steps = model.stepSummaries
    guard !steps.isEmpty else { return "" }
    var table = Table(right: [2, 3, 4])
    table.add("", "gives", "parameters", "bytes", "multiply-adds")
    var (each, once) = (0, 0)
    for step in steps {
      let cells = [step.parameterCount, step.byteCount, step.multiplyAdds].map { $0 == 0 ? "" : grouped($0) }
      table.add(
        step.name.isEmpty ? "-" : step.name, step.gives(batchFirst: model.architecture.batchFirst), cells[0], cells[1], cells[2])
      let stride = step.shape.axis.stride
      if step.shape.hasTime { each += (step.multiplyAdds + stride - 1) / stride } else { once += step.multiplyAdds }
    }
    let total = once == 0 ? "" : ", and \(grouped(once)) for each sequence"
    return "\nsteps\n" + table.text + "  \(grouped(each)) multiply-adds for each step of a sequence\(total)\n" + streaming(model)
  }

  /// When results come as steps do, of a forward with windows over time.
  private func streaming(_ model: Model) -> String {
    guard let forward = model.architecture.forward, let shapes = model.shapes, shapes.steps.contains(where: { $0.axis != TimeAxis() })
      || forward.steps.contains(where: { if case .module(let name) = $0.operation, case .convolution? = model.architecture[name] { true } else { false } })
    else { return "" }
    let modules = Dictionary(model.architecture.modules.map { ($0.name, $0) }) { first, _ in first }
    if let reason = forward.wholeSequence(shapes, modules) { return "  runs whole sequences: \(reason) needs them\n".escapingControlCharacters(except: "\n") }
    return forward.outputs.map { output in
      let axis = shapes[output.value].axis, first = axis.leastInput(for: 1)
      let every = axis.stride == 1 ? "" : ", then one comes every \(grouped(axis.stride))"
      let name = output.name.map { " of \($0)" } ?? ""
      return "  streams: the first result\(name) comes with step \(grouped(first)) of a sequence\(every)\n"
    }.joined().escapingControlCharacters(except: "\n")
  }

  private func cases(_ cases: [ReferenceCase]) -> String {
    var table = Table()
    for reference in cases {
      let members = reference.members.map { "\($0.name) \($0.tensor.shape)" }.joined(separator: ", ")
      table.add(reference.name, members)
    }
    return table.text
  }
}
