import RNNModel

/// Writes a state_dict as torch.save does: an OrderedDict of tensors, each with a storage of its own in a stored,
/// aligned member. The same archive always gives the same bytes.
struct TorchWriter {
  private static let stem = "archive"
  /// As many tensors as can be read back whatever their names and ranks are.
  private static let certainCount = 1 << 16
  private let archive: TensorArchive

  init(_ archive: TensorArchive) {
    self.archive = archive
  }

  func write(to file: inout OutputFile) throws(RNNError) {
    var zip = ZipWriter()
    try zip.add("\(Self.stem)/data.pkl", try pickle(), to: &file)
    try zip.add("\(Self.stem)/.format_version", Array("1".utf8), to: &file)
    try zip.add("\(Self.stem)/.storage_alignment", Array("\(ZipWriter.alignment)".utf8), to: &file)
    try zip.add("\(Self.stem)/byteorder", Array("little".utf8), to: &file)
    for (index, tensor) in archive.tensors.enumerated() {
      try zip.add("\(Self.stem)/data/\(index)", tensor.tensor, to: &file)
    }
    try zip.add("\(Self.stem)/version", Array("3\n".utf8), to: &file)
    try TorchExtra.write(archive, stem: Self.stem, &zip, to: &file)
    try zip.finish(&file)
  }

  private func pickle() throws(RNNError) -> [UInt8] {
    var pickle = PickleWriter()
    pickle.add(.proto)
    pickle.bytes.append(2)
    pickle.addOrderedDict()
    pickle.add(.mark)
    for (index, tensor) in archive.tensors.enumerated() {
      pickle.add(tensor.name)
      try add(tensor.tensor, key: index, to: &pickle)
    }
    pickle.add(.setItems)
    pickle.add(.stop)
    guard pickle.bytes.count <= Limits.maximumPickleSize else {
      throw RNNError(
        .badData,
        "the tensors' descriptions would take \(pickle.bytes.count) bytes, more than "
          + "\(Limits.maximumPickleSize)", remedy: "carry fewer tensors")
    }
    // So many tensors may take more memory than a reader spends on them.
    if archive.tensors.count > Self.certainCount {
      let storage = TensorStorage(count: pickle.bytes.count) { $0.copyBytes(from: pickle.bytes) }
      try storage.withUnsafeBytes { (bytes) throws(RNNError) in
        var reader = ByteReader(bytes)
        _ = try PickleMachine.run(&reader, in: storage, at: "the pickle of \(archive.tensors.count) tensors")
      }
    }
    return pickle.bytes
  }

  /// `_rebuild_tensor_v2(storage, 0, sizes, strides, False, OrderedDict())`, or v3 with the type for those that have no
  /// storage class.
  private func add(_ tensor: Tensor, key: Int, to pickle: inout PickleWriter) throws(RNNError) {
    let storage = TorchGlobals.storageName(tensor.elementType)
    pickle.addGlobal("torch._utils", storage == nil ? "_rebuild_tensor_v3" : "_rebuild_tensor_v2")
    pickle.add(.mark)
    pickle.add(.mark)
    pickle.addOften("storage")
    pickle.addGlobal(storage == nil ? "torch.storage" : "torch", storage ?? "UntypedStorage")
    pickle.add("\(key)")
    pickle.addOften("cpu")
    pickle.add(storage == nil ? tensor.byteCount : tensor.count)
    pickle.add(.tuple)
    pickle.add(.binPersistentID)
    pickle.add(0)
    pickle.add(tensor.shape.dimensions)
    var (strides, stride) = ([Int](), 1)
    for size in tensor.shape.dimensions.reversed() {
      strides.append(stride)
      stride *= max(size, 1)
    }
    pickle.add(strides.reversed())
    pickle.add(.newFalse)
    pickle.addOrderedDict()
    if storage == nil { pickle.addGlobal("torch", tensor.elementType.rawValue) }
    pickle.add(.tuple)
    pickle.add(.reduce)
  }
}

/// Appends opcodes of pickle protocol 2.
struct PickleWriter {
  var bytes: [UInt8] = []
  /// What is written once and referred to from then on.
  private var memo: [String: UInt8] = [:]

  mutating func add(_ opcode: PickleOpcode) { bytes.append(opcode.rawValue) }

  mutating func add(_ text: String) {
    add(.binUnicode)
    bytes.append(littleEndian: UInt32(text.utf8.count))
    bytes += Array(text.utf8)
  }

  mutating func add(_ value: Int) {
    if let small = UInt8(exactly: value) {
      add(.binInt1)
      bytes.append(small)
    } else if let medium = Int32(exactly: value) {
      add(.binInt)
      bytes.append(littleEndian: medium)
    } else {
      add(.long1)
      bytes.append(8)
      bytes.append(littleEndian: Int64(value))
    }
  }

  mutating func add(_ values: [Int]) {
    add(.mark)
    for value in values { add(value) }
    add(.tuple)
  }

  mutating func addGlobal(_ module: String, _ name: String) {
    addOnce("\(module)\n\(name)\n") { writer in
      writer.add(.global)
      writer.bytes += Array("\(module)\n\(name)\n".utf8)
    }
  }

  /// A text that is written again and again.
  mutating func addOften(_ text: String) {
    addOnce(text) { $0.add(text) }
  }

  private mutating func addOnce(_ key: String, _ write: (inout PickleWriter) -> Void) {
    if let index = memo[key] {
      add(.binGet)
      bytes.append(index)
      return
    }
    write(&self)
    guard let index = UInt8(exactly: memo.count) else { return }
    memo[key] = index
    add(.binPut)
    bytes.append(index)
  }

  mutating func addOrderedDict() {
    addGlobal("collections", "OrderedDict")
    add(.emptyTuple)
    add(.reduce)
  }
}
