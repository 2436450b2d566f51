import RNNModel

/// Neural Amp Modeler's `.nam`: a flat list of weights, and the architecture and sizes to cut it by.
///
/// What is read is what NAM's trainer computes with silence before the first sample, `model(x, pad_start=True)`, which is where
/// its plugin's network stands after its reset.
///
/// Sources: neural-amp-modeler 0.13, nam/models (`_export_config`, `_export_weights`, `_forward`); NeuralAmpModelerCore,
/// NAM/get_dsp.cpp, wavenet/model.cpp, convnet.cpp, linear.cpp, lstm.cpp, container.cpp.
public struct NAMFormat: ModelFormat {
  public let name = "nam"
  public let summary = "Neural Amp Modeler's WaveNet, ConvNet, Linear and LSTM, with silence or the starting state before the sound"
  public let fileExtensions = ["nam"]
  public let canWrite = false

  public init() {}

  public func open(_ file: InputFile, isNamed: Bool) throws(RNNError) -> OpenedFile? {
    guard isNamed || file.json.has("architecture", "config", "version") else { return nil }
    return OpenedFile(holdsSeveral: NAMDocument.isContainer(file)) { (request) throws(RNNError) in
      let whole = try file.json.whole()
      return try file.withUnsafeBytes { (bytes) throws(RNNError) in
        try NAMDocument(bytes, whole, at: "").archive(request)
      }
    }
  }

  public func write(_ model: Model, to file: inout OutputFile) throws(RNNError) {
    throw RNNError(.usage, "nam can be read but not written", remedy: "write another format")
  }
}

/// One model of a `.nam`: the file's own, one of a container's, or one that makes another's condition.
struct NAMDocument {
  let bytes: UnsafeRawBufferPointer
  let whole: JSONSkeleton
  let architecture: JSONValue
  let config: JSONSkeleton
  /// What stands before the keys' names in an error: `config.condition_dsp.`, or nothing.
  let place: String
  /// Whether it makes another model's condition.
  let isCondition: Bool

  static let again: Phrase = "export the model again"

  static func refuse(_ place: String, _ problem: Phrase, _ remedy: Phrase = again) -> RNNError {
    RNNError(.badData, place: place, problem, remedy: remedy)
  }

  init(_ bytes: UnsafeRawBufferPointer, _ whole: JSONSkeleton, at place: String, isCondition: Bool = false) throws(RNNError) {
    (self.bytes, self.whole, self.place, self.isCondition) = (bytes, whole, place, isCondition)
    func range(_ key: String) throws(RNNError) -> Range<Int> {
      guard let range = whole[key] else { throw Self.refuse(place + key, "missing") }
      return range
    }
    let version = try JSONValue(parsing: bytes, in: range("version"))
    guard let text = version.string, text.hasPrefix("0.") else {
      throw Self.refuse(place + "version", "\(version.text.prefix(60)), expected 0.x", "use a newer RNNKit")
    }
    architecture = try JSONValue(parsing: bytes, in: range("architecture"))
    let config = try range("config")
    do throws(RNNError) { self.config = try JSONSkeleton(bytes, in: config) } catch {
      throw Self.refuse(place + "config", "not a JSON object")
    }
  }

  /// What holds several models, of which a plugin plays one at a time.
  private static let container = "SlimmableContainer"

  static func isContainer(_ file: InputFile) -> Bool {
    guard let range = file.json["architecture"] else { return false }
    let value = try? file.withUnsafeBytes { (bytes) throws(RNNError) in try JSONValue(parsing: bytes, in: range) }
    return value == .string(container)
  }

  func archive(_ request: ModelRequest) throws(RNNError) -> TensorArchive {
    if architecture == .string(Self.container) { return try contained(request) }
    var archive: TensorArchive
    if architecture == .string("LSTM") {
      archive = try NAMLSTM(settings(without: [])).archive(weights())
    } else {
      let part = try part()
      var network = NAMNetwork()
      let silent = part.past > 0 ? network.add(.window(.join, TimeWindow(size: 1, before: part.past)), .input(0)) : .input(0)
      var value = try part.add(to: &network, silent, named: "")
      if part.past > 0 { value = network.add(.window(.join, TimeWindow(size: 1, before: -part.past)), value) }
      archive = try network.archive(value, inputs: part.inChannels)
      archive.notes += part.notes
      if part.past > 0 { archive.notes.append("silence before the first sample, \(part.past) steps of it, as Neural Amp Modeler has it") }
    }
    var (metadata, others) = ([JSONValue.Member](), [JSONValue.Member]())
    if let range = whole["metadata"], case .object(let members) = try JSONValue(parsing: bytes, in: range) { metadata = members }
    for member in whole.members where !["version", "architecture", "config", "weights", "metadata"].contains(member.key) {
      others.append(.init(member.key, try JSONValue(parsing: bytes, in: member.range)))
    }
    archive.keep(metadata: metadata, beside: others)
    return archive
  }

  func weights() throws(RNNError) -> Tensor {
    guard let range = whole["weights"] else { throw Self.refuse(place + "weights", "missing") }
    let weights = try JSONTensorReader.read(bytes, in: range, as: .float32, at: place + "weights")
    guard weights.shape.rank == 1 else { throw Self.refuse(place + "weights", "not a list of numbers") }
    return weights
  }

  /// The members of `config` but for some.
  func settings(without keys: Set<String>) throws(RNNError) -> JSONObjectReader {
    var members: [JSONValue.Member] = []
    for member in config.members where !keys.contains(member.key) {
      members.append(.init(member.key, try JSONValue(parsing: bytes, in: member.range)))
    }
    return try JSONObjectReader(.object(members), at: place + "config")
  }

  /// A network of windows over time alone.
  func part() throws(RNNError) -> any NAMPart {
    switch architecture {
    case .string("WaveNet"): return try NAMWaveNet(self)
    case .string("ConvNet"): return try NAMConvNet(self)
    case .string("Linear"): return try NAMLinear(self)
    default:
      throw Self.refuse(
        place + "architecture",
        "\(Phrase(String(architecture.text.prefix(60)))), of Neural Amp Modeler's architectures WaveNet, ConvNet, Linear, LSTM and \(Self.container) can be read\(Phrase(isCondition ? ", and as a condition the first three" : ""))",
        Phrase(ForeignFile.otherCapture))
    }
  }

  /// The model that is asked for by its number, or the last, which is the largest and the one that plugins start with.
  private func contained(_ request: ModelRequest) throws(RNNError) -> TensorArchive {
    guard let range = config["submodels"] else { throw Self.refuse(place + "config.submodels", "missing") }
    let ranges = try JSONSkeleton.elements(bytes, in: range)
    let names = ranges.indices.map(String.init)
    guard let last = ranges.indices.last else { throw Self.refuse(place + "config.submodels", "no model") }
    var number = last
    if let entry = request.entry {
      guard let index = names.firstIndex(of: entry) else { throw ModelEntry.unknown(entry, of: names, request) }
      number = index
    }
    let place = "\(place)config.submodels[\(number)]"
    let submodel = try JSONSkeleton(bytes, in: ranges[number])
    guard let model = submodel["model"] else { throw Self.refuse(place + ".model", "missing") }
    let document = try Self(bytes, JSONSkeleton(bytes, in: model), at: place + ".model.")
    guard document.architecture != .string(Self.container) else {
      throw Self.refuse(place + ".model.architecture", "a container in a container")
    }
    var archive = try document.archive(ModelRequest())
    if names.count > 1 {
      let others = names.filter { $0 != names[number] }.listed(atMost: 8)
      archive.notes.append(
        "the model is \(names[number]) of the \(names.count) in the container\(Phrase(number == last ? ", the largest" : "")); left out: \(Phrase(others))")
    }
    return archive
  }
}

/// A network whose every step needs so many steps before it and nothing else.
protocol NAMPart {
  var inChannels: Int { get }
  var outChannels: Int { get }
  /// Steps before the one that it gives a result for: the receptive field but for that step.
  var past: Int { get }
  var notes: [Phrase] { get }
  /// Adds its modules, under names that begin so, and its steps behind a value; gives what they give.
  func add(to network: inout NAMNetwork, _ input: Forward.Value, named prefix: String) throws(RNNError) -> Forward.Value
}
