import ArgumentParser
import RNNKit
import RNNONNX

/// Which modules are meant.
struct PartArguments: ParsableArguments {
  @Option(
    name: .customLong("module"),
    help: ArgumentHelp(
      "Take this module alone, or these in the order given. Repeatable. Default: what the whole model computes.", valueName: "name"))
  var modules: [String] = []

  /// Nil for the whole model.
  var names: [String]? { modules.isEmpty ? nil : modules }
}

/// Arrays on their way in and out.
enum Arrays {
  /// `.npy, .npz, .json or .csv`, for help.
  static var extensions: String {
    let all = ArrayRegistry.complete().formats.compactMap { $0.fileExtensions.first.map { "." + $0 } }
    return all.dropLast().joined(separator: ", ") + " or " + (all.last ?? "")
  }

  /// The arrays of an input file by name; a lone array is `input`.
  ///
  /// Text has no types: whole numbers in CSV and JSON, which come as int64, are numbers like others, but for lengths and,
  /// for the inputs named in `indices`.
  static func read(
    _ path: String, loneArray name: String = "input", indices: Set<String> = [], _ hdf5: HDF5Process
  ) throws(RNNError) -> [NamedTensor] {
    let (members, format, _) = try raw(path, loneArray: name, hdf5)
    return try members.map { (member) throws(RNNError) in try typed(member, format, indices: indices) }
  }

  /// The same as the file has them, for a model that is yet to be opened, and a sound's samples a second.
  static func raw(
    _ path: String, loneArray name: String = "input", _ hdf5: HDF5Process
  ) throws(RNNError) -> (members: [NamedTensor], format: any ArrayFormat, sampleRate: Int?) {
    let file = try InputFile(path)
    do throws(RNNError) {
      let format = try ArrayRegistry.complete(hdf5: hdf5).format(of: file)
      let members = try format.read(file).map { $0.name.isEmpty ? NamedTensor(name, $0.tensor) : $0 }
      return (members, format, format is WAVFormat ? try WAVFormat.sampleRate(of: file) : nil)
    } catch {
      throw error.inFile(path)
    }
  }

  /// An array of a file as what it is used for.
  static func typed(_ member: NamedTensor, _ format: any ArrayFormat, indices: Set<String>) throws(RNNError)
    -> NamedTensor
  {
    guard format.isText, member.name != "lengths", let tensor = try untyped(member, format, indices) else {
      return member
    }
    return NamedTensor(member.name, tensor)
  }

  /// An array of a text file as what it is to be used for, nil where it is that already.
  private static func untyped(_ member: NamedTensor, _ format: any ArrayFormat, _ indices: Set<String>) throws(RNNError)
    -> Tensor?
  {
    let tensor = member.tensor
    guard indices.contains(member.name) else { return try tensor.widenedToDoubles() }
    // A table's only column is a sequence of indices, without a batch axis.
    guard format is CSVFormat, tensor.shape.rank == 2, tensor.shape[1] == 1 else { return nil }
    return Shape([tensor.shape[0]]).flatMap(tensor.reshaped)
  }

  /// The one array of a file, or the one of that name where it holds several.
  static func read(_ name: String, from path: String, indices: Set<String> = [], _ hdf5: HDF5Process) throws(RNNError) -> Tensor {
    let members = try read(path, loneArray: name, indices: indices, hdf5)
    guard let tensor = members.first(where: { $0.name == name })?.tensor ?? (members.count == 1 ? members[0].tensor : nil)
    else {
      throw RNNError(.badData, file: path,
        "holds no array named \(name), but \(members.map(\.name).listed())", remedy: "name the array \(name)")
    }
    return tensor
  }
}

/// A file of arrays on its way out, whose name, format and folder are already found to do.
struct ArrayTarget: ~Copyable {
  private let path: String
  private let writer: any ArrayFormat
  private var file: OutputFile
  /// Whether the elements are written into the file itself.
  private var isFilled = false
  /// Bytes from which on an array is written into the file as it is made.
  private static let filledSize = 1 << 20

  /// Standard output gets JSON.
  init(_ path: String, replacing: Bool) throws(RNNError) {
    let file = try OutputFile(path, replacing: replacing)
    let writer = try ArrayRegistry.complete().writer(for: path == "-" ? "-.json" : path)
    self.path = path
    self.writer = writer
    self.file = file
  }

  /// What is to be kept of a run for the file, large arrays in the file itself or, where that holds them in another form,
  /// in temporary files.
  ///
  /// - Parameter state: Whether the run's last states are wanted besides.
  mutating func keeping(of plan: Plan, _ inputs: SequenceInputs, state: Bool) throws(RNNError) -> Plan.Keeping {
    var keeping = Plan.Keeping(members: writer.holdsOneArray ? [plan.resultName] : nil, state: state)
    let type = plan.precision.elementType
    for member in plan.members where keeping.members?.contains(member.name) ?? true && !member.isState {
      guard let shape = try inputs.shape(of: member) else { continue }
      let size = shape.count.multipliedReportingOverflow(by: type.byteCount)
      guard !size.overflow, size.partialValue >= Self.filledSize else { continue }
      var room: OutputRoom?
      if writer.holdsOneArray {
        room = try writer.room(type, shape, in: &file)
        isFilled = room != nil
      }
      if room == nil, size.partialValue >= ScratchSpace.largeSize {
        room = try ScratchSpace.shared.room(size.partialValue)
      }
      if let room { keeping.rooms[member.name] = Plan.Room(room.bytes, in: room.storage) }
    }
    return keeping
  }

  /// Writes a run's results, unless they are in the file.
  ///
  /// - Parameter sampleRate: Steps a second, where that is known.
  mutating func write(_ members: [NamedTensor], end: Tensor, batchAxis: Int?, sampleRate: Int? = nil) throws(RNNError) {
    guard !isFilled else { return }
    do throws(RNNError) {
      try writer.write(ArrayOutput(members: members, end: end, batchAxis: batchAxis, sampleRate: sampleRate), to: &file)
    } catch {
      throw error.inFile(path)
    }
  }

  /// Writes a state as `h0` and `c0`, or `<module>.h0` and so on where there are several.
  mutating func write(_ state: State) throws(RNNError) {
    let members = state.members
    if let first = members.first { try write(members, end: first.tensor, batchAxis: nil) }
  }

  /// Throws where the chain has no state, or a larger one than the format holds.
  func checkHolds(stateOf plan: Plan) throws(RNNError) {
    let modules = plan.architecture.recurrentModules
    guard !modules.isEmpty else {
      throw RNNError(.usage, "--state-out: the chain has no state", remedy: "leave the option out")
    }
    guard !writer.holdsOneArray || (modules.count == 1 && modules[0].cell != .lstm) else {
      throw RNNError(.usage, file: path, "a .\(writer.name) file holds one array, and the chain's state is several",
        remedy: "name an .npz or .json file")
    }
  }

  /// Gives the written files their names: both or, as far as the file systems can, neither.
  static func publish(_ first: inout ArrayTarget?, _ second: inout ArrayTarget?) throws(RNNError) {
    try first?.file.finish()
    try second?.file.finish()
    guard var one = first.take() else {
      try second?.file.publish()
      return
    }
    guard var other = second.take() else {
      try one.file.publish()
      return
    }
    try OutputFile.publish(&one.file, &other.file)
  }
}

extension Plan {
  /// The names under which inputs are whole numbers, indices of an embedding.
  var indexNames: Set<String> {
    Set(inputs.filter(\.takesIndices).flatMap(names))
  }
}
