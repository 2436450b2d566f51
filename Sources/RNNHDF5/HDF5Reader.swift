import CHDF5
import RNNFormats
import RNNModel

/// Walks an open file and builds its tree.
struct HDF5Reader: ~Copyable {
  /// The file's bytes, mapped.
  let storage: TensorStorage
  var budget: HDF5Budget
  let scratch: ScratchSpace
  var progress: HDF5Odometer
  var unreadable: [HDF5Tree.Unreadable] = []
  /// The byte ranges of mapped tensors.
  var extents: [Extent] = []
  /// Groups by address. Each is entered once, which also breaks cycles.
  private var groups: [UInt64: String] = [:]
  /// Datasets by address: a second link gives the same tensor.
  private var datasets: [UInt64: HDF5Tree.Node] = [:]

  struct Extent {
    var path: String
    var start, end: Int
  }

  init(_ storage: TensorStorage, scratch: ScratchSpace, progress sign: @escaping () -> Void) {
    self.storage = storage
    self.scratch = scratch
    self.progress = HDF5Odometer(sign: sign)
    budget = HDF5Budget(fileSize: storage.count)
  }

  mutating func tree() throws(RNNError) -> HDF5Tree {
    let driver = try HDF5MemoryDriver()
    let access = try HDF5Handle(H5Pcreate(rnn_h5p_file_access()), "cannot be opened", at: nil)
    try hdf5(H5Pset_fclose_degree(access.id, H5F_CLOSE_STRONG), "cannot be opened", at: nil)
    let opened = try driver.open(HDF5MemoryFile(storage), access.id) {
      H5Fopen("input", rnn_h5f_read_only(), access.id)
    }
    let file = try HDF5Handle(opened, "cannot be opened as HDF5", at: nil)
    let links = try HDF5Handle(H5Pcreate(rnn_h5p_link_access()), "cannot be opened", at: nil)
    try hdf5(rnn_h5p_refuse_external_links(links.id), "cannot be opened", at: nil)
    let root = try HDF5Handle(H5Oopen(file.id, "/", links.id), "its root group cannot be opened", at: nil)
    let (address, _) = try identity(root.id, "/")
    groups[address] = "/"
    let group = try self.group(root.id, "", depth: 1, links: links.id)
    try refuseOverlap()
    return HDF5Tree(root: group, unreadable: unreadable)
  }

  /// Reads a group. `path` has no trailing slash.
  private mutating func group(
    _ id: hid_t, _ path: String, depth: Int, links: hid_t
  ) throws(RNNError) -> HDF5Tree.Group {
    let place = path.isEmpty ? "/" : path
    guard depth <= Limits.maximumDepth else {
      throw RNNError(.badData, place: place, "groups are nested more than \(Limits.maximumDepth) deep",
        remedy: "copy the datasets to a flatter file")
    }
    let creation = try HDF5Handle(H5Gget_create_plist(id), "the group cannot be read", at: place)
    var flags: UInt32 = 0
    try hdf5(H5Pget_link_creation_order(creation.id, &flags), "the group cannot be read", at: place)
    let isOrdered = flags & UInt32(H5P_CRT_ORDER_TRACKED) != 0
    var group = HDF5Tree.Group(attributes: try attributes(of: id, creation.id, place), isOrdered: isOrdered)
    for link in try self.links(of: id, isOrdered: isOrdered, place) {
      if let node = try node(id, link, path + "/" + link.name, depth: depth, links: links) {
        group.children.append(HDF5Tree.Child(link.name, node))
      }
    }
    return group
  }

  /// Reads the object that a link leads to. Nil if it is listed as unreadable instead.
  private mutating func node(
    _ parent: hid_t, _ link: Link, _ path: String, depth: Int, links: hid_t
  ) throws(RNNError) -> HDF5Tree.Node? {
    progress.addObject()
    guard link.kind == H5L_TYPE_HARD || link.kind == H5L_TYPE_SOFT else {
      note(path, link.kind == H5L_TYPE_EXTERNAL ? .externalLink(path) : .userLink)
      return nil
    }
    let opened = H5Oopen(parent, link.name, links)
    if opened < 0, link.kind == H5L_TYPE_SOFT {
      H5Eclear2(hid_t(H5E_DEFAULT))
      note(path, .softLink(path))
      return nil
    }
    let object = try HDF5Handle(opened, "cannot be opened", at: path)
    let (address, type) = try identity(object.id, path)
    switch type {
    case H5O_TYPE_GROUP:
      // A group is read through its hard link only.
      if let other = groups[address] {
        note(path, HDF5Obstacle(.name, "another link to the group \(other)"))
        return nil
      }
      if link.kind == H5L_TYPE_SOFT {
        note(path, HDF5Obstacle(.name, "a soft link to a group, which is read under its own name"))
        return nil
      }
      groups[address] = path
      return .group(try group(object.id, path, depth: depth + 1, links: links))
    case H5O_TYPE_DATASET:
      if let known = datasets[address] {
        if case .dataset(let dataset) = known { try budget.takeRepeated(dataset.tensor.byteCount, at: path) }
        return known
      }
      guard let node = try dataset(object.id, path) else { return nil }
      datasets[address] = node
      return node
    case H5O_TYPE_NAMED_DATATYPE:
      note(path, HDF5Obstacle(.metadata, "a named datatype"))
      return nil
    default:
      note(path, .unknownObject)
      return nil
    }
  }

  mutating func note(_ path: String, _ obstacle: HDF5Obstacle) {
    unreadable.append(HDF5Tree.Unreadable(path, obstacle.reason, losing: obstacle.loss, remedy: obstacle.remedy))
  }

  private func identity(_ object: hid_t, _ path: String) throws(RNNError) -> (UInt64, H5O_type_t) {
    var address: UInt64 = 0
    var type = H5O_TYPE_UNKNOWN
    try hdf5(rnn_h5o_identity(object, &address, &type), "cannot be read", at: path)
    return (address, type)
  }

  private struct Link {
    var name: String
    var kind: H5L_type_t
  }

  /// A group's links, in creation order or by name. Links whose names are not UTF-8 are listed as unreadable.
  private mutating func links(of group: hid_t, isOrdered: Bool, _ place: String) throws(RNNError) -> [Link] {
    struct Walk {
      var links: [Link] = []
      var badNames: [String] = []
      var budget: HDF5Budget
      var isTooMany = false
    }
    var walk = Walk(budget: budget)
    let status = withUnsafeMutablePointer(to: &walk) { walk in
      rnn_h5l_iterate(group, isOrdered ? 1 : 0, { (name, kind, context) in
        guard let name, let walk = context?.assumingMemoryBound(to: Walk.self) else { return 1 }
        guard walk.pointee.budget.takeObject() else {
          walk.pointee.isTooMany = true
          return 1
        }
        if let text = String(validatingCString: name) {
          walk.pointee.links.append(Link(name: text, kind: kind))
        } else {
          walk.pointee.badNames.append(String(cString: name))
        }
        return 0
      }, walk)
    }
    budget = walk.budget
    if walk.isTooMany { throw HDF5Budget.tooMany(at: place) }
    try hdf5(status, "the group's links cannot be read", at: place)
    for name in walk.badNames { note((place == "/" ? "" : place) + "/" + name, .badName) }
    return walk.links
  }

  /// Refuses overlapping datasets. No valid file has them, and converting one could write many times its size.
  private borrowing func refuseOverlap() throws(RNNError) {
    let sorted = extents.sorted { $0.start < $1.start }
    for (before, after) in zip(sorted, sorted.dropFirst()) where after.start < before.end {
      throw RNNError(.badData, place: after.path,
        "its bytes, from offset \(after.start), overlap those of \(before.path), to offset \(before.end)",
        remedy: "write the file again; it is damaged")
    }
  }
}
