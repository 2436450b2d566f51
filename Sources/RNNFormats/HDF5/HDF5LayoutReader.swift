import RNNModel

extension TensorArchive {
  /// Converts an HDF5 tree: RNNKit's layout, a Keras model, or a plain dump of tensors, flat or in groups.
  ///
  /// In a plain dump the parts of a path are joined with dots. Attributes of the root and datasets of strings become
  /// metadata under their names. Other attributes become the metadata member `hdf5_attributes`, by path. What the tree
  /// lists as unreadable becomes `hdf5_unreadable`, and also a departure if numbers are lost. Throws `badData` if a name
  /// occurs twice or the layout is violated.
  public init(hdf5 tree: HDF5Tree) throws(RNNError) {
    self = try tree.archive { (tree) throws(RNNError) in
      if tree.root[attribute: HDF5Layout.formatKey] != .string(HDF5Layout.format), KerasTree.recognizes(tree) {
        return try KerasReader.archive(tree)
      }
      var reader = try HDF5LayoutReader(tree)
      return try reader.read()
    }
  }
}

private struct HDF5LayoutReader {
  private let tree: HDF5Tree
  /// Whether the file declares RNNKit's layout.
  private let isOurs: Bool
  private var archive = TensorArchive()
  private var metadata = MemberList()
  /// Attributes without another place, by path.
  private var attributes = MemberList()

  init(_ tree: HDF5Tree) throws(RNNError) {
    self.tree = tree
    isOurs = tree.root[attribute: HDF5Layout.formatKey] == .string(HDF5Layout.format)
    guard isOurs else { return }
    guard let version = tree.root[attribute: HDF5Layout.versionKey], version == .integer(HDF5Layout.version) else {
      throw Self.error("/, attribute \(HDF5Layout.versionKey)",
        "\(tree.root[attribute: HDF5Layout.versionKey]?.text ?? "missing"), expected \(HDF5Layout.version)",
        "use a newer RNNKit")
    }
  }

  mutating func read() throws(RNNError) -> TensorArchive {
    try readRootAttributes()
    var stateDict: HDF5Tree.Group?
    var others: [HDF5Tree.Child] = []
    for child in tree.root.children {
      switch (child.name, child.node) {
      case (HDF5Layout.stateDict, .group(let group)): stateDict = group
      case (HDF5Layout.cases, .group(let group)) where isOurs || Self.looksLikeCases(group): try readCases(group)
      default: others.append(child)
      }
    }
    if let stateDict {
      archive.isOrdered = Self.isOrdered(stateDict) && stateDict[attribute: HDF5Layout.orderedKey] != .bool(false)
      let path = "/" + HDF5Layout.stateDict
      try keep(stateDict.attributes, of: path, except: [HDF5Layout.orderedKey])
      try readTensors(stateDict.children, path, prefix: "")
    } else if isOurs {
      throw Self.error("/\(HDF5Layout.stateDict)", "missing, though the file's format is \(HDF5Layout.format)",
        "write the file again")
    } else {
      archive.isOrdered = tree.root.isOrdered && others.allSatisfy { Self.isOrdered($0.node) }
    }
    try readTensors(others, "", prefix: "")
    try addNotes()
    archive.metadata = metadata.members
    return archive
  }

  private mutating func readRootAttributes() throws(RNNError) {
    for attribute in tree.root.attributes {
      let place = "/, attribute \(attribute.name)"
      switch attribute.name {
      case HDF5Layout.formatKey where isOurs, HDF5Layout.versionKey where isOurs: continue
      case HDF5Layout.architectureKey:
        if let json = try architecture(attribute.value, place) {
          archive.architecture = try Architecture(json: json)
        } else {
          try metadata.add(attribute.name, attribute.value, at: place)
        }
      case HDF5Layout.metadataKey where isOurs:
        for member in try Self.object(attribute.value, place) { try metadata.add(member.key, member.value, at: place) }
      default: try metadata.add(attribute.name, attribute.value, at: place)
      }
    }
  }

  /// The architecture's JSON. In a plain dump an attribute of that name may be anything; nil if it is not an architecture.
  private func architecture(_ value: JSONValue, _ place: String) throws(RNNError) -> JSONValue? {
    if isOurs {
      guard let text = value.string else { throw Self.error(place, "not a text", "write the file again") }
      return try Self.parse(text, place)
    }
    guard let text = value.string, let json = try? JSONValue(parsing: text), json["modules"]?.array != nil else {
      return nil
    }
    return json
  }

  /// Adds the tensors of some children and of the groups among them.
  private mutating func readTensors(
    _ children: [HDF5Tree.Child], _ path: String, prefix: String
  ) throws(RNNError) {
    for child in children {
      let path = path + "/" + child.name
      let name = Model.join(prefix, self.name(child))
      switch child.node {
      case .group(let group):
        try keep(group.attributes, of: path, except: [])
        try readTensors(group.children, path, prefix: name)
      case .dataset(let dataset): try archive.append(name, try tensor(dataset, path))
      case .strings(let strings):
        try keep(strings.attributes, of: path, except: [])
        try metadata.add(name, strings.json, at: path)
      }
    }
  }

  private mutating func readCases(_ group: HDF5Tree.Group) throws(RNNError) {
    let path = "/" + HDF5Layout.cases
    try keep(group.attributes, of: path, except: [])
    var names = Set<String>()
    for child in group.children {
      let path = path + "/" + child.name
      guard case .group(let group) = child.node else {
        throw Self.error(path, "a case is a group, and this is a dataset", "put it into a group")
      }
      var metadata = MemberList()
      for attribute in group.attributes {
        let place = "\(path), attribute \(attribute.name)"
        switch attribute.name {
        case HDF5Layout.nameKey where isOurs: continue
        case HDF5Layout.metadataKey:
          for member in try Self.object(attribute.value, place) {
            try metadata.add(member.key, member.value, at: place)
          }
        default: try metadata.add(attribute.name, attribute.value, at: place)
        }
      }
      let name = name(child)
      guard names.insert(name).inserted else { throw Self.error(path, "two cases have one name", "rename one") }
      var reference = ReferenceCase(name: name, members: [])
      try readMembers(group.children, path, prefix: "", &reference, &metadata)
      guard Set(reference.members.map(\.name)).count == reference.members.count else {
        throw Self.error(path, "two members have one name", "rename one")
      }
      reference.metadata = metadata.members
      archive.cases.append(reference)
    }
  }

  private mutating func readMembers(
    _ children: [HDF5Tree.Child], _ path: String, prefix: String, _ reference: inout ReferenceCase,
    _ metadata: inout MemberList
  ) throws(RNNError) {
    for child in children {
      let path = path + "/" + child.name
      let name = Model.join(prefix, self.name(child))
      switch child.node {
      case .group(let group):
        try keep(group.attributes, of: path, except: [])
        try readMembers(group.children, path, prefix: name, &reference, &metadata)
      case .dataset(let dataset): reference.members.append(NamedTensor(name, try tensor(dataset, path)))
      case .strings(let strings):
        try keep(strings.attributes, of: path, except: [])
        try metadata.add(name, strings.json, at: path)
      }
    }
  }

  /// An object's name: its link's name, unless an attribute holds a name that HDF5 could not hold.
  private func name(_ child: HDF5Tree.Child) -> String {
    guard isOurs, let attribute = child.node.attributes.first(where: { $0.name == HDF5Layout.nameKey }) else {
      return child.name
    }
    return attribute.value.string ?? child.name
  }

  /// The tensor of a dataset, with the type that its attribute names.
  private mutating func tensor(_ dataset: HDF5Tree.Dataset, _ path: String) throws(RNNError) -> Tensor {
    var used: Set<String> = isOurs ? [HDF5Layout.nameKey] : []
    let tensor = dataset.typed
    if tensor.elementType != dataset.tensor.elementType { used.insert(HDF5Layout.typeKey) }
    try keep(dataset.attributes, of: path, except: used)
    return tensor
  }

  private mutating func keep(
    _ attributes: [HDF5Tree.Attribute], of path: String, except used: Set<String>
  ) throws(RNNError) {
    var members = MemberList()
    for attribute in attributes where !used.contains(attribute.name) {
      try members.add(attribute.name, attribute.value, at: "\(path), attribute \(attribute.name)")
    }
    if !members.members.isEmpty { try self.attributes.add(path, .object(members.members), at: path) }
  }

  /// Adds the attributes and unreadable objects to those that the file's metadata already lists.
  private mutating func addNotes() throws(RNNError) {
    if !attributes.members.isEmpty {
      var all = MemberList()
      for member in metadata.remove(HDF5Layout.attributesMember)?.members ?? [] {
        try all.add(member.key, member.value, at: member.key)
      }
      for member in attributes.members { try all.add(member.key, member.value, at: member.key) }
      try metadata.add(HDF5Layout.attributesMember, .object(all.members), at: "/")
    }
    if !tree.unreadable.isEmpty {
      let earlier = metadata.remove(HDF5Layout.unreadableMember)?.array ?? []
      let list = earlier + tree.unreadable.map { .string("\($0.path): \($0.reason)") }
      try metadata.add(HDF5Layout.unreadableMember, .array(list), at: "/")
    }
  }

  /// Whether a plain dump's group `cases` holds reference cases (groups that each have an input), not a module's tensors.
  private static func looksLikeCases(_ group: HDF5Tree.Group) -> Bool {
    !group.children.isEmpty && group.children.allSatisfy { child in
      guard case .group(let inner) = child.node, case .dataset = inner["input"] else { return false }
      return true
    }
  }

  /// Whether every group keeps the order of its children.
  private static func isOrdered(_ group: HDF5Tree.Group) -> Bool {
    group.isOrdered && group.children.allSatisfy { isOrdered($0.node) }
  }

  private static func isOrdered(_ node: HDF5Tree.Node) -> Bool {
    if case .group(let group) = node { isOrdered(group) } else { true }
  }

  private static func object(_ value: JSONValue, _ place: String) throws(RNNError) -> [JSONValue.Member] {
    guard let text = value.string, let members = try parse(text, place).members else {
      throw error(place, "not the text of a JSON object", "write the file again")
    }
    return members
  }

  private static func parse(_ text: String, _ place: String) throws(RNNError) -> JSONValue {
    do throws(RNNError) {
      return try JSONValue(parsing: text)
    } catch {
      var error = error
      error.place = "\(place), \(error.place ?? "")"
      throw error
    }
  }

  private static func error(_ place: String, _ problem: String, _ remedy: String) -> RNNError {
    RNNError(.badData, place: place, problem, remedy: remedy)
  }
}

/// Members of a JSON object, each key once.
private struct MemberList {
  private(set) var members: [JSONValue.Member] = []
  private var keys = Set<String>()

  mutating func add(_ key: String, _ value: JSONValue, at place: String) throws(RNNError) {
    guard keys.insert(key).inserted else {
      throw RNNError(.badData, place: place, "the name \(key) stands twice among the metadata", remedy: "rename one")
    }
    members.append(JSONValue.Member(key, value))
  }

  /// Takes a member out.
  mutating func remove(_ key: String) -> JSONValue? {
    guard keys.remove(key) != nil, let index = members.firstIndex(where: { $0.key == key }) else { return nil }
    return members.remove(at: index).value
  }
}
