import RNNModel

/// A kind of file that holds a model's tensors.
public protocol ModelFormat: Sendable {
  /// The name by which it is chosen: `safetensors`.
  var name: String { get }
  /// What of it is read, in one line for `rnn formats`.
  var summary: String { get }
  /// What of it is written: `yes` for all that is read, `-` for nothing.
  var writes: String { get }
  /// What of a model `write` refuses or, with a note, leaves out or changes; empty where a model always comes back whole.
  var exceptions: String { get }
  /// Without the dot, lowercase; the first is the usual one. An output's format is chosen by them.
  var fileExtensions: [String] { get }
  /// Whether `write` works.
  var canWrite: Bool { get }
  /// Recognises a file by content and makes it ready to be read. `file` may be anything.
  ///
  /// - Parameter isNamed: Whether the user says that it is of this format: then it is not looked at for that.
  /// - Returns: Nil for a file of another kind.
  /// - Throws: Where it is of this kind and damaged.
  func open(_ file: InputFile, isNamed: Bool) throws(RNNError) -> OpenedFile?
  /// Writes a model. Refuses what the format cannot express.
  func write(_ model: Model, to file: inout OutputFile) throws(RNNError)
  /// What `write` does to this model that its user should know, one sentence each: biases joined, tensors left out.
  func notes(writing model: Model) -> [Phrase]
  /// Whether the file is a state_dict, which torch.nn's classes load without anything that says what they compute.
  var holdsStateDict: Bool { get }
  /// Whether `write` puts everything into the file: beside the parameters reference cases and tensors of no module's.
  var holdsEverything: Bool { get }
  /// Whether it holds weights of int8 with their scales, for a reader that knows what they are.
  var holdsQuantized: Bool { get }
}

extension ModelFormat {
  public var canWrite: Bool { true }
  public var writes: String { canWrite ? "yes" : "-" }
  public var exceptions: String { "" }
  public var holdsEverything: Bool { true }
  public var holdsStateDict: Bool { false }
  public var holdsQuantized: Bool { false }

  /// Refuses to write whole numbers where readers would take them for the weights.
  package func checkTypes(of model: Model) throws(RNNError) {
    guard !holdsQuantized, let name = model.quantizedNames.first else { return }
    throw RNNError(.badData, place: "tensor \(name)", "\(self.name) holds no weights of int8 with a scale for each row",
      remedy: "write .rnn or .safetensors, or the numbers that they stand for with \(.elementType, "f32")")
  }

  public func notes(writing model: Model) -> [Phrase] { [] }

  /// Reads everything that a file of this format holds, under PyTorch's names and in its gate order.
  public func read(_ file: InputFile) throws(RNNError) -> TensorArchive { try read(file, ModelRequest()).archive }

  /// The same of what is asked for.
  package func read(_ file: InputFile, _ request: ModelRequest) throws(RNNError) -> SuppliedModel {
    guard let opened = try open(file, isNamed: true) else {
      throw RNNError(.badData, "not of the format \(name)", remedy: "leave the format's name out")
    }
    return try opened.read(request)
  }

  /// Tells by content whether a file is of this format. `file` may be anything.
  package func recognizes(_ file: InputFile) -> Bool {
    do throws(RNNError) { return try open(file, isNamed: false) != nil } catch { return true }
  }
}

/// What is wanted of a file.
public struct ModelRequest: Sendable {
  /// Which of the models in it, by the name that a refusal lists; nil where it is to have one.
  package var entry: String?
  /// What stands before the names of its models: the member of an archive that it is, `policy.pth:`.
  package var entryPrefix = ""
  /// What goes in with the model's input, for files that leave tensors to be supplied: an ONNX graph may have its weights,
  /// its starting state or its lengths as inputs under names of its own.
  package var supplied: [NamedTensor]
  /// The config that says what is computed with Keras weights that have none: Keras' `model.to_json()`.
  package var config: JSONValue?
  /// For one who looks at types, shapes and few elements: large packed tensors are unpacked as they are needed, and what
  /// went wrong then is here.
  package var unpacking: LateFailures?

  /// Asks for the only model of a file, with these tensors beside it.
  public init(supplying tensors: [NamedTensor] = []) { supplied = tensors }
}

/// A file that a format has recognised.
public struct OpenedFile: Sendable {
  /// Whether it may hold several models, of which `ModelRequest.entry` names one.
  package var holdsSeveral = false
  /// Whether it is weights that a config may be given for.
  package var takesConfig = false
  private let model: @Sendable (ModelRequest) throws(RNNError) -> SuppliedModel

  package init(
    holdsSeveral: Bool = false, takesConfig: Bool = false, archive: @escaping @Sendable (ModelRequest) throws(RNNError) -> TensorArchive
  ) {
    (self.holdsSeveral, self.takesConfig) = (holdsSeveral, takesConfig)
    model = { (request) throws(RNNError) in SuppliedModel(archive: try archive(request), members: request.supplied) }
  }

  /// A file whose content `archive` reads when it is asked for.
  public init(_ archive: @escaping @Sendable (ModelRequest) throws(RNNError) -> TensorArchive) {
    self.init(archive: archive)
  }

  package init(model: @escaping @Sendable (ModelRequest) throws(RNNError) -> SuppliedModel) { self.model = model }

  /// Reads what is asked for, under PyTorch's names and in its gate order.
  public func read(_ request: ModelRequest = ModelRequest()) throws(RNNError) -> SuppliedModel { try model(request) }
}

/// What a file holds together with tensors that were supplied for it.
public struct SuppliedModel: Sendable {
  /// What the file holds.
  public var archive: TensorArchive
  /// The supplied tensors that are a run's members, under their names: `input`, `h0`, `c0`, `lengths`.
  public var members: [NamedTensor]

  /// Makes the result of a read.
  public init(archive: TensorArchive, members: [NamedTensor]) {
    self.archive = archive
    self.members = members
  }
}

/// The formats a program knows, in the order they are tried on a file.
public struct FormatRegistry: Sendable {
  /// The formats, in the order in which they are tried on a file.
  public let formats: [any ModelFormat]

  /// Makes a registry of these formats, tried in this order.
  public init(_ formats: [any ModelFormat]) {
    self.formats = formats
  }

  /// Every format that needs nothing outside this package's own code. HDF5 is added by programs that link `RNNHDF5`.
  public static let standard = FormatRegistry([
    NativeFormat(), SafetensorsFormat(), NPZFormat(), TorchFormat(), StateDictJSONFormat(), AIDAXFormat(), RTNeuralFormat(),
    GuitarMLFormat(), NAMFormat(),
  ])

  /// The same with one more format.
  public func adding(_ format: any ModelFormat) -> FormatRegistry {
    FormatRegistry(formats + [format])
  }

  /// Reads a file, recognised by content, or as `format` where that is named. `entry` is for files that hold several
  /// models, and archives of files; see `open`.
  public func read(_ file: InputFile, as format: String? = nil, entry: String? = nil) throws(RNNError) -> TensorArchive {
    var request = ModelRequest()
    request.entry = entry
    return try open(file, as: format, request).read().archive
  }

  /// The format of a file, recognised by content, or the one of that name.
  package func format(of file: InputFile, named name: String? = nil) throws(RNNError) -> any ModelFormat {
    if let name { return try format(named: name) }
    if let format = formats.first(where: { $0.recognizes(file) }) { return format }
    throw unknown(file).inFile(file.path)
  }

  /// The error for a file that no format takes.
  func unknown(_ file: InputFile) -> RNNError {
    if let foreign = ForeignFile.recognize(file) { return foreign.error }
    return RNNError(.badData, file.count == 0 ? "the file is empty" : "not in a format that RNNKit knows",
      remedy: "see \(.formats), or say which it is with \(.format)")
  }

  /// The format of that name.
  public func format(named name: String) throws(RNNError) -> any ModelFormat {
    guard let format = formats.first(where: { $0.name == name }) else {
      throw RNNError(.usage, "no format is named \(name)",
        remedy: "choose one of \(formats.map { $0.name }.joined(separator: ", "))")
    }
    return format
  }

  /// The format to write: the one named, else the one the path's extension tells.
  public func writer(for path: String, named name: String? = nil) throws(RNNError) -> any ModelFormat {
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
