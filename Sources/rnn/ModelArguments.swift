import ArgumentParser
import RNNKit
import RNNONNX

/// The options by which every command reads a model.
struct ModelArguments: ParsableArguments {
  @Option(help: ArgumentHelp("Read the model as this format instead of recognising it.", valueName: "format"), completion: Completions.formats)
  var from: String?

  @Option(help: ArgumentHelp(
    "Of a file that holds several models read this one: a state_dict of a checkpoint, a file of a .zip, .tar or .gz, or member:state_dict.",
    valueName: "name"))
  var stateDict: String?

  @Option(help: ArgumentHelp(
    "For a file of Keras' weights alone: the model's config, as model.to_json() gives it.", valueName: "file"), completion: Completions.json)
  var config: String?

  @Option(help: ArgumentHelp(
    "What an Elman RNN's h goes through, where the file does not say. Default: tanh.", valueName: "function"))
  var nonlinearity: Nonlinearity?

  @Flag(help: "Input and output are (batch, time, features), where the file does not say. Default: (time, batch, features).")
  var batchFirst = false

  @Option(help: ArgumentHelp(
    "What the model computes, as in PyTorch's forward: 'fc(last(lstm(x)))', or @file (Schemas/forward.md).",
    valueName: "line"))
  var forward: String?

  @Option(help: ArgumentHelp("What follows the last linear layer of those that are run, where the file does not say. Default: nothing.", valueName: "function"))
  var headActivation: HeadActivation?

  @Option(help: ArgumentHelp("Read the tensor OLD as NEW; a * in both stands for the same text. Repeatable; the first that fits is used.", valueName: "old=new"))
  var rename: [String] = []

  @Option(help: ArgumentHelp("The same from a JSON file: {\"rename\": {\"enc_w_ih\": \"gru.weight_ih_l0\"}} (Schemas/mapping.schema.json).", valueName: "file"), completion: Completions.json)
  var mapping: String?

  @Option(help: ArgumentHelp(
    "Go on without something that the file asks for and RNNKit does not do. Repeatable.",
    valueName: "kind"))
  var ignore: [Departure.Kind] = []

  @Option(
    help: ArgumentHelp(
      "Stop reading an HDF5 file that gets no further in so many seconds of CPU time. Default: \(Limits.maximumHDF5Seconds).", valueName: "seconds"))
  var timeout: Int?

  func validate() throws {
    if let from { try Self.checkFormat(from) }
    guard timeout.map({ (1...86400).contains($0) }) ?? true else { throw ValidationError("--timeout is 1 to 86400 seconds") }
  }

  enum Nonlinearity: String, ExpressibleByArgument, CaseIterable {
    case tanh, relu
  }

  enum HeadActivation: String, ExpressibleByArgument, CaseIterable {
    case tanh, relu, sigmoid, softmax
    case logSoftmax = "log_softmax"

    var head: Function {
      switch self {
      case .tanh: .elementwise(.tanh)
      case .relu: .elementwise(.relu)
      case .sigmoid: .elementwise(.sigmoid)
      case .softmax: .softmax
      case .logSoftmax: .logSoftmax
      }
    }
  }

  /// Every format this program was built with.
  var registry: FormatRegistry { .complete(hdf5: hdf5) }

  /// How this command reads and writes HDF5.
  var hdf5: HDF5Process { HDF5Process(timeout: timeout ?? Limits.maximumHDF5Seconds) }

  /// Throws where no format has the name.
  static func checkFormat(_ name: String) throws {
    let formats = FormatRegistry.complete().formats
    guard !formats.contains(where: { $0.name == name }) else { return }
    // An extension names the format that has it first.
    let byExtension = formats.first { $0.fileExtensions.contains(name.lowercased()) }?.name
    guard let near = byExtension ?? Nearest.word(to: name, of: formats.map { $0.name }) else { return }
    throw ValidationError("no format is named \(name); did you mean \(near)?")
  }

  /// Opens the model and says on standard error what had to be assumed.
  ///
  /// - Parameters:
  ///   - tensors: what goes in with the model's input, for files that leave weights to be supplied.
  ///   - modules: Which modules are run, nil for all.
  ///   - cases: Files of reference cases that say what the model gives, in place of its own.
  ///   - others: Other files that the command reads.
  ///   - isOneOfTwo: Whether the options serve another file too, and need not all fit this one.
  ///   - ignoring: What is gone on without in any case.
  ///   - hdf5: How HDF5 is read, where other files were read by it before; nil is as the options say.
  ///   - failures: For what looks at types, shapes and few elements; see `ModelRequest.unpacking`.
  ///   - showNoModel: Called with what the file holds where that is no model, before the error is thrown.
  func open(
    _ path: String, supplying tensors: [NamedTensor] = [], modules: [String]? = nil, cases: CaseFiles? = nil, others: [String] = [],
    quiet: Bool = false, isOneOfTwo: Bool = false, ignoring: Set<Departure.Kind> = [], through hdf5: HDF5Process? = nil,
    unpacking failures: LateFailures? = nil, showNoModel: (TensorFile) -> Void = { _ in }
  ) throws -> ModelFile {
    let hdf5 = hdf5 ?? self.hdf5
    var names = NameMapping()
    for rule in rename { try names.add(rule) }
    if let mapping { try names.add(contentsOf: InputFile(mapping)) }
    names.allowsUnusedRules = isOneOfTwo
    var options = ModelOptions(
      nonlinearity: nonlinearity.map { $0 == .relu ? .relu : .tanh }, batchFirst: batchFirst ? true : nil,
      headActivation: headActivation?.head, forward: try forwardLine(), ignoring: ignoring.union(ignore))
    options.yieldToFile = isOneOfTwo
    options.modules = modules
    let contents = try TensorFile(
      path, as: from, entry: stateDict, entryMayBeUnused: isOneOfTwo, supplying: tensors, config: config,
      mapping: names, registry: .complete(hdf5: hdf5), unpacking: failures)
    let file: ModelFile
    do throws(RNNError) {
      file = try contents.model(options, cases: cases.flatMap { cases in
        cases.isEmpty ? nil : { (plan) throws(RNNError) in try cases.read(for: plan, hdf5) }
      })
    } catch {
      if error.kind == .badData { showNoModel(contents) }
      throw error
    }
    if !isOneOfTwo {
      try OptionEffects.check(
        self, contents, file.source, modules: modules, others: (cases?.paths ?? []) + others, readsHDF5: hdf5.wasUsed)
    }
    if !quiet { for note in file.notes { Console.note("\(path): \(note)") } }
    return file
  }

  /// The line, or what the file that it names holds.
  private func forwardLine() throws(RNNError) -> String? {
    guard let forward, forward.hasPrefix("@") else { return forward }
    let file = try InputFile(String(forward.dropFirst()))
    let text = file.withUnsafeBytes { String(validating: $0.prefix(Limits.maximumLineLength + 1), as: UTF8.self) }
    guard let text else {
      throw RNNError(.badData, file: file.path, "not UTF-8 text", remedy: "write the forward's lines as text")
    }
    return text
  }

  /// So many sentences on what is left out are said, or one line.
  private static let mostSentences = 2

  /// Says on standard error what of a model no run takes in, once the modules that are run are found to do.
  static func sayWhatIsLeftOut(of file: ModelFile) {
    let parts = file.model.partsLeftOut
    if parts.count <= mostSentences || Console.amount == .everything {
      for part in parts { Console.note("\(file.path): \(part.sentence)") }
    } else {
      Console.note("\(file.path): left out: \(parts.map(\.name).listed(atMost: 4)) (-v tells why)")
    }
  }
}

extension Departure.Kind: ExpressibleByArgument {}
