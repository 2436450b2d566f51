import RNNModel

/// A kind of file that holds plain arrays: inputs and states on their way in, outputs on their way out.
public protocol ArrayFormat: Sendable {
  /// The name an option takes: `npy`.
  var name: String { get }
  /// Without the dot, lowercase. An output's format is chosen by them.
  var fileExtensions: [String] { get }
  /// Whether a file holds one array, which has no name, rather than named members.
  var holdsOneArray: Bool { get }
  /// Whether the format is text, in which whole numbers are told from others only by how they are written.
  var isText: Bool { get }
  /// Tells by content whether a file is of this format. `file` may be anything.
  func recognizes(_ file: InputFile) -> Bool
  /// Reads every array of the file. A lone array is named "".
  func read(_ file: InputFile) throws(RNNError) -> [NamedTensor]
  /// Room in an empty file for the elements of the one array it is to hold, which are written there instead of by `write`;
  /// nil where the format or the file system has no such room. There is one element or more.
  func room(_ type: ElementType, _ shape: Shape, in file: inout OutputFile) throws(RNNError) -> OutputRoom?
  /// Writes the members, or the one array the format can hold.
  func write(_ output: ArrayOutput, to file: inout OutputFile) throws(RNNError)
}

extension ArrayFormat {
  public var isText: Bool { false }

  public func room(
    _ type: ElementType, _ shape: Shape, in file: inout OutputFile
  ) throws(RNNError) -> OutputRoom? { nil }
}

/// What a run gives, for writing.
public struct ArrayOutput: Sendable {
  /// Everything: `output`, `hn`, `cn`, `y`.
  public var members: [NamedTensor]
  /// What the chain ends in, for formats that hold one array.
  public var end: Tensor
  /// The axis of `end` that counts sequences; nil where there is none.
  public var batchAxis: Int?
  /// Steps a second, for a format of sound; nil where nobody tells.
  public var sampleRate: Int?

  public init(members: [NamedTensor], end: Tensor, batchAxis: Int? = nil, sampleRate: Int? = nil) {
    self.members = members
    self.end = end
    self.batchAxis = batchAxis
    self.sampleRate = sampleRate
  }
}

/// The array formats a program knows, in the order they are tried on a file.
public struct ArrayRegistry: Sendable {
  public let formats: [any ArrayFormat]

  public init(_ formats: [any ArrayFormat]) {
    self.formats = formats
  }

  /// Every format that needs nothing outside this package's own code.
  public static let standard = ArrayRegistry([
    NPYFormat(), NPZArrayFormat(), WAVFormat(), JSONArrayFormat(), CSVFormat(),
  ])

  /// The same with one more format, which is tried first.
  public func adding(_ format: any ArrayFormat) -> ArrayRegistry {
    ArrayRegistry([format] + formats)
  }

  /// Reads a file, recognised by content, or as `format` where that is named. Arrays in text are float64, or int64
  /// where every number is whole.
  public func read(_ file: InputFile, as format: String? = nil) throws(RNNError) -> [NamedTensor] {
    do throws(RNNError) {
      return try self.format(of: file, named: format).read(file)
    } catch {
      throw error.inFile(file.path)
    }
  }

  /// The format to write: the one named, else the one the path's extension tells.
  public func writer(for path: String, named name: String? = nil) throws(RNNError) -> any ArrayFormat {
    if let name { return try format(named: name) }
    let file = path.lastPathComponent.lowercased()
    if let format = formats.first(where: { $0.fileExtensions.contains { file.hasSuffix("." + $0) } }) { return format }
    throw RNNError(.usage, file: path, "the name's extension tells no array format",
      remedy: "end it in one of \(formats.flatMap { $0.fileExtensions }.map { "." + $0 }.joined(separator: ", "))")
  }

  /// The format of a file, recognised by content, or the one of that name.
  public func format(of file: InputFile, named name: String? = nil) throws(RNNError) -> any ArrayFormat {
    if let name { return try format(named: name) }
    if file.count == 0 { throw RNNError(.badData, "the file is empty", remedy: "write the array again") }
    let format = formats.first { $0.recognizes(file) }
    // Any text may be meant as CSV.
    if format.map({ $0 is CSVFormat }) ?? true, let foreign = ForeignFile.recognize(file, holdingArrays: false) {
      throw foreign.error
    }
    if let format { return format }
    throw RNNError(.badData, "not an array file that RNNKit knows",
      remedy: "save it as one of \(formats.map { $0.name }.joined(separator: ", "))")
  }

  private func format(named name: String) throws(RNNError) -> any ArrayFormat {
    if let format = formats.first(where: { $0.name == name }) { return format }
    throw RNNError(.usage, "no array format is named \(name)",
      remedy: "choose one of \(formats.map { $0.name }.joined(separator: ", "))")
  }
}
