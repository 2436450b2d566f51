import RNNModel

extension HDF5Tree {
  /// RNNKit's layout of a model.
  public init(_ model: Model) throws(RNNError) {
    try self.init(model.archive)
  }

  /// RNNKit's layout of an archive; `TensorArchive(hdf5:)` is the inverse. Throws `badData` for names that HDF5 cannot
  /// hold even when escaped.
  public init(_ archive: TensorArchive) throws(RNNError) {
    var root = Group(attributes: [
      Attribute(HDF5Layout.formatKey, .string(HDF5Layout.format)),
      Attribute(HDF5Layout.versionKey, .integer(HDF5Layout.version)),
    ])
    if let architecture = archive.architecture {
      root.attributes.append(Attribute(HDF5Layout.architectureKey, .string(architecture.json.text)))
    }
    root.attributes += Self.metadata(archive.metadata)
    let stateDict = Group(
      attributes: archive.isOrdered ? [] : [Attribute(HDF5Layout.orderedKey, .bool(false))],
      children: try Self.children(archive.tensors, "tensor"))
    root.children.append(Child(HDF5Layout.stateDict, .group(stateDict)))
    if !archive.cases.isEmpty {
      var cases = Group()
      for reference in archive.cases {
        let (name, attributes) = try Self.name(reference.name, "case")
        let group = Group(
          attributes: attributes + Self.metadata(reference.metadata),
          children: try Self.children(reference.members, "case \(reference.name), member"))
        cases.children.append(Child(name, .group(group)))
      }
      root.children.append(Child(HDF5Layout.cases, .group(cases)))
    }
    self.init(root: root)
  }

  /// Tensors as datasets of a group, under names and types that HDF5 can hold.
  static func children(_ tensors: [NamedTensor], _ kind: String) throws(RNNError) -> [Child] {
    var result: [Child] = []
    result.reserveCapacity(tensors.count)
    for named in tensors {
      var (name, attributes) = try name(named.name, kind)
      var tensor = named.tensor
      if let carrier = HDF5Layout.carrier(of: tensor.elementType), let carried = tensor.reinterpreted(as: carrier) {
        attributes.append(Attribute(HDF5Layout.typeKey, .string(tensor.elementType.rawValue)))
        tensor = carried
      }
      result.append(Child(name, .dataset(Dataset(tensor, attributes: attributes))))
    }
    return result
  }

  /// The link's name, and an attribute with the real name if they differ.
  private static func name(_ name: String, _ kind: String) throws(RNNError) -> (String, [Attribute]) {
    guard !name.utf8.contains(0) else {
      throw RNNError(.badData, place: "\(kind) \(name)", "HDF5 cannot hold a name with a zero character",
        remedy: "rename it")
    }
    let link = HDF5Layout.linkName(name)
    return (link, link == name ? [] : [Attribute(HDF5Layout.nameKey, .string(name))])
  }

  private static func metadata(_ members: [JSONValue.Member]) -> [Attribute] {
    members.isEmpty ? [] : [Attribute(HDF5Layout.metadataKey, .string(JSONValue.object(members).text))]
  }
}
