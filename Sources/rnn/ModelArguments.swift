import ArgumentParser
import RNNKit
import RNNONNX

/// The options by which every command reads a model.
struct ModelArguments: ParsableArguments {
  @Option(help: ArgumentHelp("Read the model as this format instead of recognising it.", valueName: "format"))
  var from: String?

  @Option(help: "What an Elman RNN's h goes through, where the file does not say: tanh or relu. Default: tanh.")
  var nonlinearity: Nonlinearity?

  @Flag(help: "Input and output are (batch, time, features), where the file does not say.")
  var batchFirst = false

  @Option(help: "What follows the last linear layer: tanh, relu, sigmoid, softmax or log_softmax.")
  var headActivation: HeadActivation?

  @Option(help: ArgumentHelp("Read tensor OLD as NEW; one * in each stands for the same text. Repeatable.", valueName: "old=new"))
  var rename: [String] = []

  @Option(help: ArgumentHelp("Names to change, as JSON: {\"rename\": {\"enc_w_ih\": \"gru.weight_ih_l0\"}}.", valueName: "file"))
  var mapping: String?

  @Option(
    help: ArgumentHelp(
      "Stop reading an HDF5 file that gets no further in so many seconds of CPU time.", valueName: "seconds"))
  var timeout = 10

  func validate() throws {
    guard (1...86400).contains(timeout) else { throw ValidationError("--timeout is 1 to 86400 seconds") }
  }

  enum Nonlinearity: String, ExpressibleByArgument, CaseIterable {
    case tanh, relu
  }

  enum HeadActivation: String, ExpressibleByArgument, CaseIterable {
    case tanh, relu, sigmoid, softmax
    case logSoftmax = "log_softmax"

    var head: Linear.Head {
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
  static let registry = FormatRegistry.standard.adding(HDF5ProcessFormat.self)
    .adding(KerasArchiveFormat<HDF5Process>.self).adding(KerasHDF5Format<HDF5Process>.self).adding(ONNXFormat.self)

  /// Opens the model and says on standard error what had to be assumed.
  ///
  /// - Parameter tensors: what goes in with the model's input, for files that leave weights to be supplied.
  func open(_ path: String, supplying tensors: [NamedTensor] = [], quiet: Bool = false) throws -> ModelFile {
    HDF5Process.timeout = timeout
    var names = NameMapping()
    for rule in rename { try names.add(rule) }
    if let mapping { try names.add(contentsOf: InputFile(mapping)) }
    let options = ModelOptions(
      nonlinearity: nonlinearity.map { $0 == .relu ? .relu : .tanh }, batchFirst: batchFirst ? true : nil,
      headActivation: headActivation?.head)
    let file = try ModelFile.open(
      path, as: from, supplying: tensors, mapping: names, options: options, registry: Self.registry)
    if !quiet { for note in file.notes { Console.note("\(path): \(note)") } }
    return file
  }
}
