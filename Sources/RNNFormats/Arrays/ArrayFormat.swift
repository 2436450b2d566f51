import RNNModel

/// A file format for plain arrays: inputs and states are read from it, outputs are written to it.
public protocol ArrayFormat: Sendable {
  /// The name an option takes: `npy`.
  var name: String { get }
  /// Lowercase, without the dot. They select an output's format.
  var fileExtensions: [String] { get }
  /// Whether a file holds one unnamed array instead of named members.
  var holdsOneArray: Bool { get }
  /// Whether the format is text, where only the notation distinguishes integers from other numbers.
  var isText: Bool { get }
  /// Tells by content whether a file is of this format. `file` may be anything.
  func recognizes(_ file: InputFile) -> Bool
  /// Reads every array of the file. A lone array is named "".
  func read(_ file: InputFile) throws(RNNError) -> [NamedTensor]
  /// Maps space in an empty file for the elements of its one array, so that they can be written there instead of by
  /// `write`. Nil if the format or the file system does not support this. The array must have at least one element.
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

/// The outputs of a run, for writing.
public struct ArrayOutput: Sendable {
  /// Everything: `output`, `hn`, `cn`, `y`.
  public var members: [NamedTensor]
  /// The run's result, for formats that hold one array.
  public var end: Tensor
  /// The batch axis of `end`; nil if there is none.
  public var batchAxis: Int?
  /// Steps per second, for sound formats; nil if unknown.
  public var sampleRate: Int?

  /// Makes an output; see the properties of the same names.
  public init(members: [NamedTensor], end: Tensor, batchAxis: Int? = nil, sampleRate: Int? = nil) {
    self.members = members
    self.end = end
    self.batchAxis = batchAxis
    self.sampleRate = sampleRate
  }
}

/// The array formats that a program supports, in the order in which they are tried on a file.
public struct ArrayRegistry: Sendable {
  /// The formats, in the order in which they are tried on a file.
  public let formats: [any ArrayFormat]

  /// Makes a registry of these formats, tried in this order.
  public init(_ formats: [any ArrayFormat]) {
    self.formats = formats
  }

  /// Every format that needs nothing outside this package's own code.
  public static let standard = ArrayRegistry([
    NPYFormat(), NPZArrayFormat(), WAVFormat(), JSONArrayFormat(), CSVFormat(),
  ])

  /// A copy with one more format, which is tried first.
  public func adding(_ format: any ArrayFormat) -> ArrayRegistry {
    ArrayRegistry([format] + formats)
  }

  /// Reads a file as `format`, or recognises its format by content if that is nil. Arrays in text formats are float64, or
  /// int64 if every number is an integer.
  public func read(_ file: InputFile, as format: String? = nil) throws(RNNError) -> [NamedTensor] {
    do throws(RNNError) {
      return try self.format(of: file, named: format).read(file)
    } catch {
      throw error.inFile(file.path)
    }
  }

  /// The format to write: `name`, else the format of the path's extension. Throws `usage` if there is none.
  public func writer(for path: String, named name: String? = nil) throws(RNNError) -> any ArrayFormat {
    if let name { return try format(named: name) }
    let file = path.lastPathComponent.lowercased()
    if let format = formats.first(where: { $0.fileExtensions.contains { file.hasSuffix("." + $0) } }) { return format }
    throw RNNError(.usage, file: path, "the name's extension tells no array format",
      remedy: "end it in one of \(formats.flatMap { $0.fileExtensions }.map { "." + $0 }.joined(separator: ", "))")
  }

  /// The format called `name`, or the file's format, recognised by content.
  public func format(of file: InputFile, named name: String? = nil) throws(RNNError) -> any ArrayFormat {
    if let name { return try format(named: name) }
    if file.count == 0 { throw RNNError(.badData, "the file is empty", remedy: "write the array again") }
    let format = formats.first { $0.recognizes(file) }
    // Any text could be CSV.
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
