import RNNModel

/// HDF5 files as plain arrays: `input`, `h0` and so on are datasets at the root.
///
/// It also reads the datasets of the only group, with names of nested groups joined by dots, and the members of the only
/// reference case of a file in RNNKit's layout. `Schemas/hdf5.md` specifies bfloat16.
public struct HDF5ArrayFormat: ArrayFormat {
  private let hdf5: any HDF5Access

  /// - Parameter hdf5: How HDF5 files are read and written.
  public init(_ hdf5: any HDF5Access = HDF5Process()) { self.hdf5 = hdf5 }

  public let name = "hdf5"
  public let fileExtensions = ["h5", "hdf5"]
  public let holdsOneArray = false

  public func recognizes(_ file: InputFile) -> Bool {
    file.withUnsafeBytes { HDF5Tree.isHDF5($0) }
  }

  public func read(_ file: InputFile) throws(RNNError) -> [NamedTensor] {
    try hdf5.readTree(file).arrays()
  }

  public func write(_ output: ArrayOutput, to file: inout OutputFile) throws(RNNError) {
    try hdf5.write(HDF5Tree(arrays: output.members), to: &file)
  }
}

extension HDF5Tree {
  /// Arrays as datasets at the root.
  init(arrays: [NamedTensor]) throws(RNNError) {
    self.init(root: Group(children: try Self.children(arrays, "array")))
  }

  /// The file's arrays; see `HDF5ArrayFormat`. Refuses a file without arrays, one with several reference cases, and one
  /// with an array that cannot be read.
  func arrays() throws(RNNError) -> [NamedTensor] {
    var (group, path) = (root, "")
    if case .group(let cases) = root[HDF5Layout.cases],
      root.children.allSatisfy({ [HDF5Layout.cases, HDF5Layout.stateDict].contains($0.name) }), !cases.children.isEmpty {
      guard cases.children.count == 1 else {
        throw RNNError(.badData, place: "/\(HDF5Layout.cases)",
          "holds \(cases.children.count) cases, and which one is meant is not known",
          remedy: "keep one case in the file, or copy its datasets to the root of another")
      }
      (group, path) = (cases, "/" + HDF5Layout.cases)
    }
    if let error = unreadableError(below: path) { throw error }
    while group.children.count == 1, case .group(let inner) = group.children[0].node {
      path += "/" + group.children[0].name
      group = inner
    }
    var arrays: [NamedTensor] = []
    var names = Set<String>()
    try Self.collect(group, path, prefix: "", &arrays, &names)
    guard !arrays.isEmpty else {
      throw RNNError(.badData, place: path.isEmpty ? "/" : path, "holds no datasets of numbers",
        remedy: "save it with h5py: f[\"input\"] = x")
    }
    return arrays
  }

  private static func collect(
    _ group: Group, _ path: String, prefix: String, _ arrays: inout [NamedTensor], _ names: inout Set<String>
  ) throws(RNNError) {
    for child in group.children {
      let path = path + "/" + child.name
      let name = Model.join(prefix, child.node.name ?? child.name)
      switch child.node {
      case .group(let group): try collect(group, path, prefix: name, &arrays, &names)
      case .dataset(let dataset):
        guard names.insert(name).inserted else {
          throw RNNError(.badData, place: path, "a second array would be named \(name)", remedy: "rename one")
        }
        arrays.append(NamedTensor(name, dataset.typed))
      case .strings: continue
      }
    }
  }
}

extension HDF5Tree.Node {
  /// The real name, from an attribute, if HDF5 could not hold it.
  fileprivate var name: String? {
    attributes.first { $0.name == HDF5Layout.nameKey }?.value.string
  }
}

extension HDF5Tree.Dataset {
  /// The tensor with the type that an attribute names, if HDF5 lacks that type and integers hold its bits.
  var typed: Tensor {
    guard let name = self[attribute: HDF5Layout.typeKey]?.string, let type = ElementType(rawValue: name),
      HDF5Layout.carrier(of: type) == tensor.elementType
    else { return tensor }
    return tensor.reinterpreted(as: type) ?? tensor
  }
}
