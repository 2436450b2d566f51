import ArgumentParser
import RNNKit
import RNNONNX

/// Which modules of the chain to run.
struct PartArguments: ParsableArguments {
  @Option(
    name: .customLong("module"),
    help: ArgumentHelp("Run only this module of the chain. Repeatable: in the order given.", valueName: "name"))
  var modules: [String] = []

  /// Nil for the whole chain.
  var names: [String]? { modules.isEmpty ? nil : modules }
}

/// Arrays on their way in and out.
enum Arrays {
  static let registry = ArrayRegistry.standard.adding(HDF5ProcessArrayFormat.self).adding(ONNXTensorFormat.self)

  /// The arrays of an input file by name; a lone array is `input`.
  ///
  /// Text has no types: whole numbers in CSV and JSON, which come as int64, are numbers like others, but for lengths and,
  /// where `takesIndices`, the input.
  static func read(
    _ path: String, loneArray name: String = "input", takesIndices: Bool = false
  ) throws(RNNError) -> [NamedTensor] {
    try read(InputFile(path), loneArray: name, takesIndices: takesIndices)
  }

  private static func read(
    _ file: InputFile, loneArray name: String = "input", takesIndices: Bool
  ) throws(RNNError) -> [NamedTensor] {
    let isText = try registry.format(of: file).isText
    return try registry.read(file).map { member in
      let member = member.name.isEmpty ? NamedTensor(name, member.tensor) : member
      let isWhole = member.name == "lengths" || (takesIndices && member.name == "input")
      guard isText, !isWhole, member.tensor.elementType == .int64,
        let numbers = Tensor(member.tensor.doubles, member.tensor.shape)
      else { return member }
      return NamedTensor(member.name, numbers)
    }
  }

  /// The arrays of several files, for a model that is yet to be opened: whether `input` is whole numbers in text, which are
  /// indices for some models and plain numbers for the rest, is told beside them.
  static func read(all paths: [String]) throws(RNNError) -> (members: [NamedTensor], isText: Bool) {
    var result: (members: [NamedTensor], isText: Bool) = ([], false)
    for path in paths {
      let file = try InputFile(path)
      for member in try read(file, takesIndices: true) {
        if member.name == "input" { result.isText = try registry.format(of: file).isText }
        guard !result.members.contains(where: { $0.name == member.name }) else {
          throw RNNError(.usage, file: path, "a second array named \(member.name)", remedy: "give each array once")
        }
        result.members.append(member)
      }
    }
    return result
  }

  /// Whole numbers as numbers like others, where they are the input.
  static func plainNumbers(_ member: NamedTensor) -> NamedTensor {
    guard member.name == "input", member.tensor.elementType == .int64,
      let numbers = Tensor(member.tensor.doubles, member.tensor.shape)
    else { return member }
    return NamedTensor(member.name, numbers)
  }

  /// The one array of a file, or the one of that name where it holds several.
  static func read(_ name: String, from path: String, takesIndices: Bool = false) throws(RNNError) -> Tensor {
    let members = try read(path, loneArray: name, takesIndices: takesIndices)
    guard let tensor = members.first(where: { $0.name == name })?.tensor ?? (members.count == 1 ? members[0].tensor : nil)
    else {
      throw RNNError(.badData, file: path,
        "holds no array named \(name), but \(members.map(\.name).joined(separator: ", "))", remedy: "name the array \(name)")
    }
    return tensor
  }
}

extension ReferenceCase {
  /// A case of a file's arrays, named after the file.
  init(readingFrom path: String, for model: Model) throws(RNNError) {
    let file = path.split(separator: "/").last ?? ""
    let name = file.firstIndex(of: ".").map { file[..<$0] } ?? file
    let takesIndices = if case .embedding = model.architecture.modules.first { true } else { false }
    let members = try Arrays.read(path, takesIndices: takesIndices)
    guard members.contains(where: { $0.name == "input" }) else {
      throw RNNError(.badData, file: path, "holds no array named input, but \(members.map(\.name).joined(separator: ", "))",
        remedy: "save it with numpy.savez(path, input=…, output=…)")
    }
    self.init(name: String(name), members: members)
  }
}
