import ArgumentParser
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
  static let registry = ArrayRegistry.standard.adding(HDF5ProcessArrayFormat.self)

  /// The arrays of an input file by name; a lone array is `input`.
  static func read(_ path: String, loneArray name: String = "input") throws(RNNError) -> [NamedTensor] {
    try registry.read(InputFile(path)).map { $0.name.isEmpty ? NamedTensor(name, $0.tensor) : $0 }
  }

  /// The one array of a file, or the one of that name where it holds several.
  static func read(_ name: String, from path: String) throws(RNNError) -> Tensor {
    let members = try read(path, loneArray: name)
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
  init(readingFrom path: String) throws(RNNError) {
    let file = path.split(separator: "/").last ?? ""
    let name = file.firstIndex(of: ".").map { file[..<$0] } ?? file
    let members = try Arrays.read(path)
    guard members.contains(where: { $0.name == "input" }) else {
      throw RNNError(.badData, file: path, "holds no array named input, but \(members.map(\.name).joined(separator: ", "))",
        remedy: "save it with numpy.savez(path, input=…, output=…)")
    }
    self.init(name: String(name), members: members)
  }
}
