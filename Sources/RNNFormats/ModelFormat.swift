import RNNModel

/// A kind of file that holds a model's tensors.
public protocol ModelFormat: Sendable {
  /// The name by which it is chosen: `safetensors`.
  static var name: String { get }
  /// What of it is read, in one line for `rnn formats`.
  static var summary: String { get }
  /// What of it is written: `yes` for all that is read, `-` for nothing.
  static var writes: String { get }
  /// What of a model `write` refuses or, with a note, leaves out or changes; empty where a model always comes back whole.
  static var exceptions: String { get }
  /// Without the dot, lowercase; the first is the usual one. An output's format is chosen by them.
  static var fileExtensions: [String] { get }
  /// Whether `write` works.
  static var canWrite: Bool { get }
  /// Tells by content whether a file is of this format. `file` may be anything.
  static func recognizes(_ file: InputFile) -> Bool
  /// Reads everything the file holds, under PyTorch's names and in its gate order.
  static func read(_ file: InputFile) throws(RNNError) -> TensorArchive
  /// Reads a model whose file leaves tensors to be supplied with its input: an ONNX graph may have its weights, its
  /// starting state or its lengths as inputs under names of its own. Other formats give the tensors back as they are.
  static func read(_ file: InputFile, supplying tensors: [NamedTensor]) throws(RNNError) -> SuppliedModel
  /// Writes a model. Refuses what the format cannot express.
  static func write(_ model: Model, to file: inout OutputFile) throws(RNNError)
  /// Whether a file may hold several models, of which `InputFile.entry` chooses one.
  static var holdsSeveral: Bool { get }
  /// What `write` does to this model that its user should know, one sentence each: biases joined, tensors left out.
  static func notes(writing model: Model) -> [Phrase]
  /// Whether the file is a state_dict, which torch.nn's classes load without anything that says what they compute.
  static var holdsStateDict: Bool { get }
  /// Whether `write` puts everything into the file: beside the parameters reference cases and tensors of no module's.
  static var holdsEverything: Bool { get }
}

extension ModelFormat {
  public static var canWrite: Bool { true }
  public static var writes: String { canWrite ? "yes" : "-" }
  public static var exceptions: String { "" }
  public static var holdsEverything: Bool { true }
  public static var holdsStateDict: Bool { false }
  public static var holdsSeveral: Bool { false }
  public static func notes(writing model: Model) -> [Phrase] { [] }

  public static func read(_ file: InputFile, supplying tensors: [NamedTensor]) throws(RNNError) -> SuppliedModel {
    SuppliedModel(archive: try read(file), members: tensors)
  }
}

/// What a file holds together with tensors that were supplied for it.
public struct SuppliedModel: Sendable {
  public var archive: TensorArchive
  /// The supplied tensors that are a run's members, under their names: `input`, `h0`, `c0`, `lengths`.
  public var members: [NamedTensor]

  public init(archive: TensorArchive, members: [NamedTensor]) {
    self.archive = archive
    self.members = members
  }
}

/// The formats a program knows, in the order they are tried on a file.
public struct FormatRegistry: Sendable {
  public let formats: [any ModelFormat.Type]

  public init(_ formats: [any ModelFormat.Type]) {
    self.formats = formats
  }

  /// Every format that needs nothing outside this package's own code. HDF5 is added by programs that link `RNNHDF5`.
  public static let standard = FormatRegistry([
    NativeFormat.self, SafetensorsFormat.self, NPZFormat.self, TorchFormat.self, StateDictJSONFormat.self,
    AIDAXFormat.self, RTNeuralFormat.self, GuitarMLFormat.self, NAMFormat.self,
  ])

  /// The same with one more format.
  public func adding(_ format: any ModelFormat.Type) -> FormatRegistry {
    FormatRegistry(formats + [format])
  }

  /// Reads a file, recognised by content, or as `format` where that is named. `entry` is for files that hold several
  /// models, and archives of files; see `open`.
  public func read(_ file: InputFile, as format: String? = nil, entry: String? = nil) throws(RNNError) -> TensorArchive {
    try open(file, as: format, entry: entry).read(supplying: []).archive
  }

  /// The format of a file, recognised by content, or the one of that name.
  public func format(of file: InputFile, named name: String? = nil) throws(RNNError) -> any ModelFormat.Type {
    if let name { return try format(named: name) }
    if let format = formats.first(where: { $0.recognizes(file) }) { return format }
    if let foreign = ForeignFile.recognize(file) { throw foreign.error.inFile(file.path) }
    throw RNNError(.badData, file: file.path,
      file.count == 0 ? "the file is empty" : "not in a format that RNNKit knows",
      remedy: "see \(.formats), or say which it is with \(.format)")
  }

  /// The format of that name.
  public func format(named name: String) throws(RNNError) -> any ModelFormat.Type {
    guard let format = formats.first(where: { $0.name == name }) else {
      throw RNNError(.usage, "no format is named \(name)",
        remedy: "choose one of \(formats.map { $0.name }.joined(separator: ", "))")
    }
    return format
  }

  /// The format to write: the one named, else the one the path's extension tells.
  public func writer(for path: String, named name: String? = nil) throws(RNNError) -> any ModelFormat.Type {
    let writers = formats.filter { $0.canWrite }
    let names = writers.map { $0.name }.joined(separator: ", ")
    if let name {
      let format = try format(named: name)
      guard format.canWrite else {
        throw RNNError(.usage, "\(name) can be read but not written", remedy: "choose one of \(names)")
      }
      return format
    }
    let file = path.lastPathComponent.lowercased()
    // The longest extension first, so that .weights.h5 is not taken for .h5.
    let matches = writers.flatMap { format in format.fileExtensions.map { (format, $0) } }
      .filter { file.hasSuffix("." + $0.1) }
    guard let match = matches.max(by: { $0.1.utf8.count < $1.1.utf8.count }) else {
      throw RNNError(.usage, file: path, "the name's extension tells no format that can be written",
        remedy: "name one with \(.target): \(names)")
    }
    return match.0
  }
}
