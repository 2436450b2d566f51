import ArgumentParser
import RNNHDF5
import RNNKit

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
  static let registry = ArrayRegistry.standard

  /// The arrays of an input file by name; a lone array is `input`.
  ///
  /// Text has no types: whole numbers in CSV and JSON, which come as int64, are numbers like others, but for lengths and,
  /// where `takesIndices`, the input.
  static func read(
    _ path: String, loneArray name: String = "input", takesIndices: Bool = false
  ) throws(RNNError) -> [NamedTensor] {
    let file = try InputFile(path)
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
