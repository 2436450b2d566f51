import RNNFormats
import RNNModel
import Testing

/// Files that ask for something no file of tensors asks for, or that lie; make_hostile_pickles.py says what each is.
@Suite struct HostilePickleTests {
  private func expect(_ name: String, _ problem: String, _ remedy: String) throws {
    let file = try Fixture.file("hostile/\(name).pt")
    let found = refusal { _ = try FormatRegistry.standard.read(file) }
    #expect(found == "\(file.path): \(problem); \(remedy)")
  }

  @Test(arguments: [
    ("bare", "os.system"), ("builtins_eval", "builtins.eval"), ("ext_opcode", "copyreg.extension_1"),
    ("getattr", "builtins.getattr"), ("hub_load", "torch.hub.load"), ("inst", "os.system"), ("inst_opcode", "os.system"),
    ("nested_load", "torch.storage._load_from_bytes"), ("newobj_of_a_class", "socket.socket"), ("os_system", "os.system"),
    ("posix_system", "posix.system"), ("python2_eval", "builtins.eval"), ("stack_global", "os.system"),
    ("subprocess", "subprocess.Popen"), ("tar", "os.system"), ("whole_module", "__main__.Net"),
  ])
  func refusesByNameWhatIsNoTensor(name: String, made: String) throws {
    try expect(
      name, "a pickled \(made), which is not a dictionary of names and tensors; nothing in it was executed",
      "take its weights out where it can be loaded, and save them by PyTorch's names with numpy.savez")
  }

  @Test func passesOverWhatHidesInAStateDict() throws {
    let archive = try FormatRegistry.standard.read(Fixture.file("hostile/hidden_in_a_state_dict.pt"))
    #expect(archive.tensors.map(\.name) == ["weight"])
  }

  @Test(arguments: [("quantized", "tensor w"), ("storage_quantized", "tensor weight")])
  func refusesQuantizedTensors(name: String, place: String) throws {
    try expect(
      name, "\(place): its weights are quantized (torch.ao.quantization)",
      "save the float model's state_dict, from before it was quantized, with torch.save")
  }

  /// What stands in the pickle before the opcode, or the bytes, that is refused.
  @Test(arguments: [
    ("after_the_pickle", "\u{80}\u{2}}.", "2 bytes after the pickle"),
    ("append_to_a_dictionary", "\u{80}\u{2}}N", "elements for something that is neither list nor set"),
    ("below_the_mark", "\u{80}\u{2}N(", "an opcode needs 1 values, the stack has fewer"),
    ("build_on_a_list", "\u{80}\u{2}]}", "BUILD of something that takes no state"),
    ("cut_short", "\u{80}\u{2}", "the pickle ends inside an opcode: 16 bytes expected, 6 left"),
    ("empty_pickle", "", "the pickle ends without STOP"),
    ("endless_global", "\u{80}\u{2}", "a line without an end"),
    ("huge_text", "\u{80}\u{2}", "the pickle ends inside an opcode: 2147483647 bytes expected, 1 left"),
    ("items_for_a_list", "\u{80}\u{2}](X\u{6}\0\0\0weightN", "keys and values for something that is no dictionary"),
    ("mark_underflow", "\u{80}\u{2}", "an opcode needs a mark, the stack has none"),
    ("memo_missing", "\u{80}\u{2}", "entry 7 of the memo, which has none such"),
    ("newobj_of_no_class", "\u{80}\u{2}X\t\0\0\0os.system)", "a call of something that is no class or function"),
    ("no_stop", "\u{80}\u{2}}", "the pickle ends without STOP"),
    ("odd_items", "\u{80}\u{2}}(X\u{6}\0\0\0weight", "a key without a value"),
    ("protocol_9", "", "pickle protocol 9, expected 0 to 5"),
    ("reduce_of_no_global", "\u{80}\u{2}X\t\0\0\0os.system)", "a call of something that is no class or function"),
    ("stack_underflow", "\u{80}\u{2}", "an opcode needs 2 values, the stack has fewer"),
    ("text_not_utf8", "\u{80}\u{2}", "text that is not UTF-8"),
    ("two_values", "\u{80}\u{2}}}", "STOP with 2 values on the stack, expected 1"),
  ])
  func refusesAnOpcodeThatDoesNotFit(name: String, before: String, problem: String) throws {
    let before = before.unicodeScalars.map { UInt8($0.value) }
    let zip = try Fixture.file("hostile/\(name).pt").zip()
    let pickle = try zip.bytes(of: #require(zip["\(name)/data.pkl"]))
    #expect(pickle.withUnsafeBytes { $0.starts(with: before) })
    try expect(name, "data.pkl, offset \(before.count): \(problem)", "copy the file again, or save it again")
  }

  @Test(arguments: [
    (
      "offset_beyond",
      "tensor weight: shape (4,) with strides [1] from element 1 reaches beyond the 4 elements of its storage"
    ),
    ("offset_negative", "tensor weight: offset -1 and strides [1], expected none below 0"),
    ("repeated", "tensor weight: shape (1048576, 1024) repeats the 4 elements of its storage too often"),
    ("shared", "tensor w68: with it the tensors have more than 64 times the bytes of their storages"),
    (
      "size_beyond",
      "tensor weight: shape (5,) with strides [1] from element 0 reaches beyond the 4 elements of its storage"
    ),
    ("size_negative", "tensor weight: sizes [-4] with strides [1], which are no shape"),
    ("size_overflow", "tensor weight: sizes [1099511627776, 1099511627776] with strides [0, 0], which are no shape"),
    ("storage_missing", "tensor weight, member storage_missing/data/7: missing"),
    ("storage_negative", "tensor weight: its storage 0 is said to have -4 elements"),
    ("storage_overflow", "tensor weight: its storage 0 is said to have 4611686018427387904 elements"),
    ("storage_path", "tensor weight, member storage_path/data/../../etc/passwd: missing"),
    ("storage_too_large", "tensor weight, member storage_too_large/data/0: 16 bytes, expected 3 elements of float32"),
    ("storage_too_small", "tensor weight, member storage_too_small/data/0: 16 bytes, expected 5 elements of float32"),
    ("storage_twice", "tensor b: its storage 0 is described in two ways"),
    (
      "stride_beyond",
      "tensor weight: shape (2,) with strides [4] from element 0 reaches beyond the 4 elements of its storage"
    ),
    ("stride_negative", "tensor weight: offset 3 and strides [-1], expected none below 0"),
    (
      "stride_overflow",
      "tensor weight: shape (3,) with strides [4611686018427387904] from element 0 reaches beyond the 4 "
        + "elements of its storage"
    ),
    ("strides_too_few", "tensor weight: sizes [2, 2] with strides [1], which are no shape"),
    ("zip_bomb_of_a_storage", "tensor weight, member z/data/0: 8388608 bytes, expected 4 elements of float32"),
  ])
  func refusesWhatContradictsItself(name: String, problem: String) throws {
    try expect(name, problem, "copy the file again, or save it again")
  }

  @Test(arguments: [
    ("billion_laughs", "no state_dict: the file holds no dictionary of names and tensors"),
    ("contains_itself", "no state_dict: the file holds no dictionary of names and tensors"),
    ("no_tensors", "no state_dict: the file holds no dictionary of names and tensors"),
    ("tensor_alone", "a single tensor, which has no name"), ("obj_opcode", "no state_dict: the file holds no dictionary of names and tensors"),
    ("deep_tuples", "no state_dict: the file holds no dictionary of names and tensors within 64 levels"),
    ("legacy_wrong_magic", "no state_dict: the file holds no dictionary of names and tensors"),
  ])
  func refusesFilesWithoutAStateDict(name: String, problem: String) throws {
    try expect(name, problem, "save a dictionary of names and tensors with torch.save, or of names and arrays with numpy.savez")
  }

  @Test(arguments: [
    ("conjugated", "tensor w: the flag conj, which changes what its numbers mean"),
    ("flag", "tensor weight: the flag neg, which changes what its numbers mean"),
    ("rebuild_arguments", "tensor weight: not the arguments of torch._utils._rebuild_tensor_v2"),
    ("storage_of_a_module", "tensor weight: no storage"),
    ("wrapped_parameter", "tensor weight: wrapped in more than 64 layers"),
  ])
  func refusesTensorsOfAnotherKind(name: String, problem: String) throws {
    try expect(name, problem, "save the model's tensors again with torch.save")
  }

  @Test(arguments: [
    ("large_pickle", "member large_pickle/data.pkl: 269484035 bytes, more than the limit of 268435456"),
    ("memo_index", "data.pkl, offset 3: more than 512 MiB of objects"),
    // Each of a byte.
    ("opcode_bomb", "data.pkl, offset \(Limits.maximumPickleSteps): more than 67108864 opcodes"),
  ])
  func refusesWhatWouldFillTheMachine(name: String, problem: String) throws {
    try expect(name, problem, "save the model's tensors alone")
  }

  /// Where in the pickle depends on the sizes of our own structures.
  @Test(arguments: ["container_bomb", "list_bomb", "memo_bomb", "memo_count", "record_bomb", "stack_bomb"])
  func boundsTheMemoryOfObjects(name: String) throws {
    let file = try Fixture.file("hostile/\(name).pt")
    let found = try #require(refusal { _ = try FormatRegistry.standard.read(file) })
    #expect(found.hasSuffix(": more than 512 MiB of objects; save the model's tensors alone"), "\(found)")
  }

  /// A file of torch.save in a pickle, in a file of torch.save in a pickle, and so on.
  @Test func refusesStoragesInsideStorages() throws {
    func load(_ bytes: [UInt8]) -> [UInt8] {
      let count = withUnsafeBytes(of: UInt32(bytes.count).littleEndian) { Array($0) }
      return Array("ctorch.storage\n_load_from_bytes\nB".utf8) + count + bytes + [0x85, UInt8(ascii: "R")]
    }
    // torch.save's magic number, its version and what it says of the system.
    let start: [UInt8] =
      [0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E] + [0x80, 2, 0x4D, 0xE9, 3, 0x2E]
      + [0x80, 2, 0x7D, 0x2E]
    var bytes: [UInt8] = []
    for _ in 0..<4_000 { bytes = start + [0x80, 2] + load(bytes) + [0x2E] }
    let name = "weight_ih_l0"
    let pickle: [UInt8] =
      [0x80, 2, 0x7D, 0x58, UInt8(name.utf8.count), 0, 0, 0] + Array(name.utf8) + Array("ctorch._utils\n_rebuild_tensor\n(".utf8)
      + load(bytes) + [0x4B, 0, 0x4B, 1, 0x85, 0x4B, 1, 0x85, 0x74, 0x52, 0x73, 0x2E]
    let found = try #require(refusal { _ = try FormatRegistry.standard.read(pickle.file) })
    #expect(found.contains("no storage"), "\(found)")
  }

  @Test(arguments: [
    ("legacy", "the keys' pickle, offset 79: the pickle ends without STOP", "copy the file again, or save it again"),
    ("script", "a TorchScript archive whose module has no tensors, as a frozen one has none", "save the model before torch.jit.freeze"),
    ("sparse", "tensor w: a sparse tensor", "save it as a dense one, with .to_dense()"),
  ])
  func refusesWhatIsNoPlainTensor(name: String, problem: String, remedy: String) throws {
    try expect(name, problem, remedy)
  }

  @Test(arguments: [
    ("zip_bomb_that_lies", "tensor weight, member z/data/0: it inflates to more than the 16 bytes it should have"),
    ("zip_too_short", "tensor weight, member z/data/0: it inflates to 8 bytes, expected 16"),
    ("zip_wrong_checksum", "tensor weight, member z/data/0: its CRC-32 is ecbb4b55, expected 00000001"),
  ])
  func refusesDamagedMembers(name: String, problem: String) throws {
    try expect(name, problem, "copy the file again; it is damaged")
  }

  @Test(arguments: [
    ("zip_overlap", "member z/data/0: its bytes overlap those of z/data/1"),
    ("zip_ratio", "member z/data/0: 1073741824 bytes out of 5, more than deflate can give"),
  ])
  func refusesArchivesMadeToDeceive(name: String, problem: String) throws {
    try expect(name, problem, "use another source; the file is made to deceive")
  }

  @Test(arguments: [
    (
      "byteorder", #"member byteorder/byteorder: "middle", expected little or big"#,
      "save the file again"
    ),
    (
      "name_twice", "tensor weight: the name stands twice",
      "write the file again"
    ),
    (
      "zip_cut_short", "offset 202: a zip archive without its directory",
      "copy the file again; it is cut short"
    ),
  ])
  func refusesTheRest(name: String, problem: String, remedy: String) throws {
    try expect(name, problem, remedy)
  }
}
