import RNNKit
import RNNONNX

/// The files of `--case`: each a case, or an array of one, `input=x.npy`, where a member's name is put before it.
///
/// Arrays that follow each other are of one case, until a name comes again. A name has no slash, so that a file whose own
/// name holds a `=` is `./a=b.npz`.
struct CaseFiles {
  struct File {
    /// Nil where the file holds the members of a case under their names.
    let member: String?
    let path: String
  }

  /// Those of each case.
  let groups: [[File]]

  init(_ arguments: [String]) throws(RNNError) {
    var groups: [[File]] = []
    for argument in arguments {
      guard let equals = argument.firstIndex(of: "="), !argument[..<equals].contains("/") else {
        groups.append([File(member: nil, path: argument)])
        continue
      }
      let file = File(member: String(argument[..<equals]), path: String(argument[argument.index(after: equals)...]))
      guard file.member != "", file.path != "" else {
        throw RNNError(.usage, "--case: \(argument) lacks \(file.path == "" ? "a file" : "a name")",
          remedy: "say it as --case input=x.npy --case y=y.npy")
      }
      if let last = groups.last, last.allSatisfy({ $0.member != nil && $0.member != file.member }) {
        groups[groups.count - 1].append(file)
      } else {
        groups.append([file])
      }
    }
    self.groups = groups
  }

  var isEmpty: Bool { groups.isEmpty }
  var paths: [String] { groups.joined().map(\.path) }

  /// The cases, each named after its first file.
  ///
  /// - Parameter plan: What the inputs go into, which tells whether whole numbers are indices; nil where it cannot be run.
  func read(for plan: Plan?, _ hdf5: HDF5Process) throws(RNNError) -> [ReferenceCase] {
    try groups.map { (files) throws(RNNError) in try Self.reference(files, plan, hdf5) }
  }

  private static func reference(_ files: [File], _ plan: Plan?, _ hdf5: HDF5Process) throws(RNNError) -> ReferenceCase {
    let path = files[0].path, file = path.lastPathComponent.readableFileName
    let name = file.firstIndex(of: ".").map { file[..<$0] } ?? file[...]
    let indices = plan?.indexNames ?? []
    var members: [NamedTensor] = []
    for file in files {
      if let member = file.member {
        members.append(NamedTensor(member, try Arrays.read(member, from: file.path, indices: indices, hdf5)))
      } else {
        members += try Arrays.read(file.path, indices: indices, hdf5)
      }
    }
    let wanted = plan.map { plan in plan.inputs.map(plan.names) } ?? [["input"]]
    if let missing = wanted.first(where: { names in !members.contains { names.contains($0.name) } })?[0] {
      throw problem("no array named \(missing)", members, path, "add --case \(missing)=x.npy", "save it with numpy.savez(path, \(missing)=…, output=…)", files)
    }
    let outputs = Set(plan?.outputs.compactMap(\.name) ?? [])
    guard members.contains(where: { ReferenceCase.isOutput($0.name) || outputs.contains($0.name) }) else {
      throw problem("no output to compare with", members, path, "add --case y=y.npy, what the model gave", "save what the framework gave as output, hn, cn or y beside the input", files)
    }
    return ReferenceCase(name: String(name), members: members)
  }

  /// What a case lacks, and how it is given: beside other files or, in a file that holds several, with them.
  private static func problem(
    _ lack: String, _ members: [NamedTensor], _ path: String, _ more: String, _ saving: String, _ files: [File]
  ) -> RNNError {
    // The one array of an `.npy` has no name.
    let isOne = files[0].member == nil && ((try? ArrayRegistry.complete().format(of: InputFile(path)))?.holdsOneArray ?? false)
    return RNNError(.badData, file: path, "holds \(lack), but \(members.map(\.name).listed())",
      remedy: isOne ? "name each file's array: --case input=x.npy --case y=y.npy" : "\(files[0].member != nil ? more : saving)")
  }
}

extension ReferenceCase {
  /// Whether a member is something that a run gives: `output`, `hn`, `cn`, `y`, with a module's name or 64 for float64.
  static func isOutput(_ name: String) -> Bool {
    let last = Model.split(name).parameter
    return ["output", "hn", "cn", "y"].contains(last.hasSuffix("64") ? String(last.dropLast(2)) : last)
  }
}
