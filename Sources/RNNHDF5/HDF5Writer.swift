import CHDF5
import RNNFormats
import RNNModel

/// Lays out a tree as an HDF5 file with space for the datasets' bytes, but without the bytes.
struct HDF5Writer: ~Copyable {
  struct Placement: Sendable {
    var offset: Int
    var tensor: Tensor
  }

  /// The tensors' places in the file, known once it is written.
  private(set) var placements: [Placement] = []
  private var progress: HDF5Odometer

  /// The alignment of datasets in bytes, so that they can be used directly from the mapping.
  private static let alignment: hsize_t = 64

  init(progress sign: @escaping () -> Void) {
    progress = HDF5Odometer(sign: sign)
  }

  mutating func write(_ tree: HDF5Tree, to memory: HDF5MemoryFile) throws(RNNError) {
    let driver = try HDF5MemoryDriver()
    let access = try HDF5Handle(H5Pcreate(rnn_h5p_file_access()), "cannot be created", at: nil)
    try hdf5(H5Pset_libver_bounds(access.id, H5F_LIBVER_V18, H5F_LIBVER_V18), "cannot be created", at: nil)
    try hdf5(H5Pset_fclose_degree(access.id, H5F_CLOSE_STRONG), "cannot be created", at: nil)
    try hdf5(H5Pset_alignment(access.id, Self.alignment, Self.alignment), "cannot be created", at: nil)
    let creation = try HDF5Handle(H5Pcreate(rnn_h5p_file_create()), "cannot be created", at: nil)
    try Self.prepareGroup(creation.id, isOrdered: tree.root.isOrdered)
    let created = try driver.open(memory, access.id) {
      H5Fcreate("output", rnn_h5f_truncate(), creation.id, access.id)
    }
    let file = try HDF5Handle(created, "cannot be created", at: nil)
    try write(tree.root, to: file.id, "", depth: 1)
    try hdf5(H5Fflush(file.id, H5F_SCOPE_GLOBAL), "cannot be flushed", at: nil)
    try file.closeFile(at: nil)
  }

  private mutating func write(
    _ group: HDF5Tree.Group, to id: hid_t, _ path: String, depth: Int
  ) throws(RNNError) {
    let place = path.isEmpty ? "/" : path
    guard depth <= Limits.maximumDepth else {
      throw RNNError(.badData, place: place, "groups are nested more than \(Limits.maximumDepth) deep",
        remedy: "use names with fewer parts")
    }
    try Self.write(group.attributes, to: id, place)
    let linkCreation = try HDF5Handle(H5Pcreate(rnn_h5p_link_create()), "a link cannot be made", at: place)
    try hdf5(H5Pset_char_encoding(linkCreation.id, H5T_CSET_UTF8), "a link cannot be made", at: place)
    for child in group.children {
      let path = path + "/" + child.name
      try Self.check(child.name, at: path)
      progress.addObject()
      switch child.node {
      case .group(let group):
        let creation = try HDF5Handle(H5Pcreate(rnn_h5p_group_create()), "cannot be created", at: path)
        try Self.prepareGroup(creation.id, isOrdered: group.isOrdered)
        let inner = try HDF5Handle(
          H5Gcreate2(id, child.name, linkCreation.id, creation.id, hdf5Default), "cannot be created", at: path)
        try write(group, to: inner.id, path, depth: depth + 1)
      case .dataset(let dataset):
        try write(dataset, child.name, in: id, linkCreation.id, path)
      case .strings(let strings):
        try Self.write(strings, child.name, in: id, linkCreation.id, path)
      }
    }
  }

  private mutating func write(
    _ dataset: HDF5Tree.Dataset, _ name: String, in group: hid_t, _ linkCreation: hid_t, _ path: String
  ) throws(RNNError) {
    let type = try HDF5Datatype.writing(dataset.tensor.elementType)
    let space = try Self.space(dataset.tensor.shape, at: path)
    let creation = try HDF5Handle(H5Pcreate(rnn_h5p_dataset_create()), "cannot be created", at: path)
    try hdf5(H5Pset_obj_track_times(creation.id, false), "cannot be created", at: path)
    try hdf5(H5Pset_layout(creation.id, H5D_CONTIGUOUS), "cannot be created", at: path)
    try hdf5(H5Pset_alloc_time(creation.id, H5D_ALLOC_TIME_EARLY), "cannot be created", at: path)
    try hdf5(H5Pset_fill_time(creation.id, H5D_FILL_TIME_NEVER), "cannot be created", at: path)
    let id = try HDF5Handle(
      H5Dcreate2(group, name, type.id, space.id, linkCreation, creation.id, hdf5Default), "cannot be created", at: path)
    try Self.write(dataset.attributes, to: id.id, path)
    guard dataset.tensor.byteCount > 0 else { return }
    guard let offset = Int(exactly: H5Dget_offset(id.id)) else {
      throw RNNError(.defect, place: path, "libhdf5 gave no room for the dataset")
    }
    placements.append(Placement(offset: offset, tensor: dataset.tensor))
  }

  private static func write(
    _ strings: HDF5Tree.Strings, _ name: String, in group: hid_t, _ linkCreation: hid_t, _ path: String
  ) throws(RNNError) {
    let type = try stringType(at: path)
    let space = try space(strings.shape, at: path)
    let creation = try HDF5Handle(H5Pcreate(rnn_h5p_dataset_create()), "cannot be created", at: path)
    try hdf5(H5Pset_obj_track_times(creation.id, false), "cannot be created", at: path)
    let id = try HDF5Handle(
      H5Dcreate2(group, name, type.id, space.id, linkCreation, creation.id, hdf5Default), "cannot be created", at: path)
    try write(strings.attributes, to: id.id, path)
    guard !strings.values.isEmpty else { return }
    let (type_, id_) = (type.id, id.id)
    try withPointers(to: strings.values, at: path) { H5Dwrite(id_, type_, hdf5Default, hdf5Default, hdf5Default, $0) }
  }

  static func space(_ shape: Shape, at place: String) throws(RNNError) -> HDF5Handle {
    if shape.rank == 0 { return try HDF5Handle(H5Screate(H5S_SCALAR), "cannot be created", at: place) }
    return try HDF5Handle(
      H5Screate_simple(Int32(shape.rank), shape.dimensions.map(hsize_t.init), nil), "cannot be created", at: place)
  }

  private static func prepareGroup(_ creation: hid_t, isOrdered: Bool) throws(RNNError) {
    try hdf5(H5Pset_obj_track_times(creation, false), "cannot be created", at: nil)
    let flags = isOrdered ? UInt32(H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED) : 0
    try hdf5(H5Pset_link_creation_order(creation, flags), "cannot be created", at: nil)
  }

  /// Checks a name: a slash would create groups, and `.` means the group itself.
  private static func check(_ name: String, at path: String) throws(RNNError) {
    let isBad = name.isEmpty || name == "." || name.utf8.contains { $0 == 0 || $0 == UInt8(ascii: "/") }
    guard !isBad, name.utf8.count <= Limits.maximumNameLength else {
      throw RNNError(.badData, place: path, "HDF5 cannot hold the name \"\(name.prefix(60))\"", remedy: "rename it")
    }
  }
}
