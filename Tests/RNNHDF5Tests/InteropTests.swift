import Foundation
import RNNFormats
import RNNHDF5
import RNNModel
import Testing

/// What we wrote, read by h5py. Needs a Python with h5py: the one that RNNKIT_PYTHON names, else `.venv/bin/python`.
@Suite struct InteropTests {
  static let python = ProcessInfo.processInfo.environment["RNNKIT_PYTHON"]
    ?? URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent(".venv/bin/python").path
  static let hasH5py = (try? run(["-c", "import h5py"])) != nil

  private static func run(_ arguments: [String]) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [python] + arguments
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw HDF5Tree.Missing(path: python) }
    return text
  }

  @Test(.enabled(if: hasH5py, "h5py is not installed"))
  func h5pyReadsOurLayout() throws {
    var archive = TensorArchive()
    let shape = try #require(Shape([2])), none = try #require(Shape([0, 3])), scalar = try #require(Shape([]))
    for type in ElementType.allCases {
      let tensor = Tensor(type, shape, fill: { for index in $0.indices { $0[index] = UInt8(index % 2) } })
      try archive.append("z.\(type.rawValue)", try #require(tensor))
    }
    try archive.append("a/b", try #require(Tensor([Float](), none)))
    try archive.append("scalar", try #require(Tensor([1.0 as Double], scalar)))
    archive.metadata = [.init("epoch", .integer(3))]
    archive.cases = [
      ReferenceCase(
        name: "first", members: [NamedTensor("lengths", try #require(Tensor([5 as Int64, 3], shape)))],
        metadata: [.init("framework", .string("torch"))])
    ]
    let folder = try TemporaryFolder()
    try HDF5File().write(HDF5Tree(archive), to: folder("x.h5"))
    let found = try Self.run([testFolder + "/Fixtures/read_back.py", folder("x.h5")])
    #expect(found == """
      /
      @ format 'rnnkit'
      @ format_version np.int64(1)
      @ metadata '{"epoch":3}'
      /state_dict
      /state_dict/z.float64 float64 (2,) 00010001000100010001000100010001
      /state_dict/z.float32 float32 (2,) 0001000100010001
      /state_dict/z.float16 float16 (2,) 00010001
      /state_dict/z.bfloat16 uint16 (2,) 00010001
      @ dtype 'bfloat16'
      /state_dict/z.int64 int64 (2,) 00010001000100010001000100010001
      /state_dict/z.int32 int32 (2,) 0001000100010001
      /state_dict/z.int16 int16 (2,) 00010001
      /state_dict/z.int8 int8 (2,) 0001
      /state_dict/z.uint64 uint64 (2,) 00010001000100010001000100010001
      /state_dict/z.uint32 uint32 (2,) 0001000100010001
      /state_dict/z.uint16 uint16 (2,) 00010001
      /state_dict/z.uint8 uint8 (2,) 0001
      /state_dict/z.bool bool (2,) 0001
      /state_dict/z.complex128 complex128 (2,) 0001000100010001000100010001000100010001000100010001000100010001
      /state_dict/z.complex64 complex64 (2,) 00010001000100010001000100010001
      /state_dict/z.float8_e4m3fn uint8 (2,) 0001
      @ dtype 'float8_e4m3fn'
      /state_dict/z.float8_e5m2 uint8 (2,) 0001
      @ dtype 'float8_e5m2'
      /state_dict/a%2Fb float32 (0, 3)\u{20}
      @ name 'a/b'
      /state_dict/scalar float64 () 000000000000f03f
      /cases
      /cases/first
      @ metadata '{"framework":"torch"}'
      /cases/first/lengths int64 (2,) 05000000000000000300000000000000

      """)
  }
}
