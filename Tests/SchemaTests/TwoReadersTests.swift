import CXXHash
import Foundation
import RNNFormats
import RNNModel
import Testing

/// The reader in Swift and the one in Python were written apart: files that are a little wrong, with checksums that
/// hold, show whether they understand the specification the same way.
@Suite(.enabled(if: Python.isReady, Python.whyNot)) struct TwoReadersTests {
  private static let start: [UInt8] = Array("""
    {"architecture":{"batch_first":true,"modules":[]},"ordered":false,"tensors":[\
    {"name":"a","dtype":"float32","shape":[2,1],"offset":1024,"bytes":8,"xxh3":"0ecc0f2d82a9d2d1"},\
    {"name":"é\\n","dtype":"int64","shape":[],"offset":1088,"bytes":8,"xxh3":"c77b3abb6f87acd9"},\
    {"name":"none","dtype":"bool","shape":[0,3],"offset":1152,"bytes":0,"xxh3":"2d06800538d394c2"}],\
    "cases":[{"name":"c","members":[\
    {"name":"input","dtype":"uint8","shape":[3],"offset":1152,"bytes":3,"xxh3":"5b6c6cf9b5f5be3b"}],\
    "metadata":{"x":[1,-2.5e3,true,null,"\\ud83d\\ude00"]}}],"metadata":{"seed":18446744073709551615}}
    """.utf8)

  /// The header with its tensors' true checksums, and the bytes from offset 1024.
  private static let good: (header: [UInt8], body: [UInt8]) = {
    let data: [[UInt8]] = [[0, 0, 0x80, 0x3F, 0, 0, 0, 0x40], [7, 0, 0, 0, 0, 0, 0, 0], [], [1, 2, 3]]
    var text = String(decoding: start, as: UTF8.self)
    for (stated, bytes) in zip(["0ecc0f2d82a9d2d1", "c77b3abb6f87acd9", "2d06800538d394c2", "5b6c6cf9b5f5be3b"], data) {
      let digits = String(checksum(bytes), radix: 16)
      text = text.replacingOccurrences(of: stated, with: String(repeating: "0", count: 16 - digits.count) + digits)
    }
    let zeros = [UInt8](repeating: 0, count: 56)
    return (Array(text.utf8), data[0] + zeros + data[1] + zeros + data[3])
  }()

  private static func checksum(_ bytes: [UInt8]) -> UInt64 {
    bytes.withUnsafeBytes { XXH3_64bits($0.baseAddress, $0.count) }
  }

  /// A whole file; spaces fill the header up to `length` bytes, zeros the rest up to offset 1024.
  private static func sealed(_ header: [UInt8], _ body: [UInt8], length: Int) -> [UInt8] {
    let text = header + [UInt8](repeating: 0x20, count: max(length - header.count, 0))
    let rest = text + [UInt8](repeating: 0, count: max(984 - text.count, 0)) + body
    var head: [UInt8] = [0x89, 0x52, 0x4E, 0x4E, 0x0D, 0x0A, 0x1A, 0x0A, 1, 0, 0, 0, 0, 0, 0, 0]
    for value in [UInt64(text.count), UInt64(40 + rest.count)] {
      head += withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }
    return head + withUnsafeBytes(of: checksum(head + text).littleEndian) { Array($0) } + rest
  }

  private static func mutated(_ mutation: inout Mutation) -> [UInt8] {
    var (header, body) = good
    for _ in 0..<Int.random(in: 1...2, using: &mutation.random) {
      switch Int.random(in: 0..<16, using: &mutation.random) {
      case 0: body[Int.random(in: 0..<body.count, using: &mutation.random)] ^= 1
      case 1: body = Bool.random(using: &mutation.random) ? body + [0] : body.dropLast()
      default: mutation.apply(to: &header)
      }
    }
    return sealed(header, body, length: .random(in: 921...984, using: &mutation.random))
  }

  /// Of each file, whether the Python reader takes it, and the schema its header.
  private func verdicts(_ folder: ScratchFolder, _ count: Int) throws -> [Bool] {
    let script = """
      import sys
      sys.path.insert(0, "Schemas")
      from read_native import FormatError, read
      from validate import problems
      for index in range(int(sys.argv[2])):
          try:
              header, _, _ = read(f"{sys.argv[1]}/{index}.rnn")
              print(0 if problems(header, "native-header") else 1)
          except FormatError as error:
              print(0)
      """
    let result = try Python.run(["-c", script, folder.path("."), "\(count)"])
    #expect(result.status == 0, "\(result.errors)")
    return result.output.split(separator: "\n").map { $0 == "1" }
  }

  /// `RNNKIT_SEED` and `RNNKIT_COUNT` draw others, and more.
  private static let seed = ProcessInfo.processInfo.environment["RNNKIT_SEED"].flatMap(UInt64.init) ?? 1
  private static let count = ProcessInfo.processInfo.environment["RNNKIT_COUNT"].flatMap(Int.init) ?? 1000

  @Test func agreeOnFilesThatAreALittleWrong() throws {
    let (seed, count) = (Self.seed, Self.count)
    var mutation = Mutation(random: SplitMix64(seed: seed), words: [
      "name", "dtype", "shape", "offset", "bytes", "xxh3", "tensors", "cases", "members", "metadata", "ordered",
      "float32", "int64",
      "bool", "batch_first", "modules",
    ])
    let folder = try ScratchFolder()
    var files = [921, 984].map { Self.sealed(Self.good.header, Self.good.body, length: $0) }
    while files.count < count { files.append(Self.mutated(&mutation)) }
    for (index, file) in files.enumerated() { try Data(file).write(to: folder.url("\(index).rnn")) }
    let theirs = try verdicts(folder, files.count)
    try #require(theirs.count == files.count)
    var taken = 0
    for (index, file) in files.enumerated() {
      var refusal: String?
      do {
        _ = try NativeFormat().read(InputFile(file, name: "file"))
        taken += 1
      } catch {
        refusal = "\(error)"
      }
      let header = String(decoding: file.dropFirst(40).prefix(984), as: UTF8.self)
      #expect((refusal == nil) == theirs[index],
        "file \(index) of seed \(seed): Swift \(refusal ?? "takes it"), Python \(theirs[index])\n\(header)")
    }
    #expect(theirs.prefix(2).allSatisfy { $0 }, "the files that nothing is wrong with")
    #expect(taken > files.count / 100, "some changes are allowed, such as a case's name")
  }

  /// The schema holds sizes to be at least 1 and so on, which in Swift `Model` does; apart from that they are to agree.
  @Test func agreeOnArchitecturesThatAreALittleWrong() throws {
    let (seed, count) = (Self.seed, Self.count)
    var mutation = Mutation(random: SplitMix64(seed: seed), words: [
      "RNN", "LSTM", "GRU", "Cell", "Linear", "Embedding", "Unknown", "type", "name", "input_size", "hidden_size",
      "num_layers", "bias",
      "bidirectional", "reverse", "proj_size", "nonlinearity", "activations", "reverse_activations", "reset_after",
      "clip", "peephole",
      "input_forget", "returns_sequence", "initial_state", "in_features", "activation", "padding_idx", "tensors",
      "gate", "candidate",
      "alpha", "beta", "tanh", "relu", "softmax", "identity", "hard_sigmoid", "elu", "true", "false", "batch_first",
      "skip", "forward", "PReLU", "num_parameters", "(x)", "last",
    ])
    let folder = try ScratchFolder()
    var texts: [[UInt8]] = []
    while texts.count < count {
      var model = RandomModel(seed: .random(in: 0 ... .max, using: &mutation.random))
      var text = Array(model.architecture().json.text.utf8)
      for _ in 0..<Int.random(in: 0...2, using: &mutation.random) { mutation.apply(to: &text) }
      texts.append(text)
    }
    for (index, text) in texts.enumerated() { try Data(text).write(to: folder.url("\(index).json")) }
    let script = """
      import re, sys
      sys.path.insert(0, "Schemas")
      from read_native import FormatError, parse_json
      from validate import problems
      for index in range(int(sys.argv[2])):
          try:
              found = problems(parse_json(open(f"{sys.argv[1]}/{index}.json", "rb").read()), "architecture")
              sizes = all(re.search("than (or equal to )?the (minimum|maximum)", message) for _, message in found)
              print("takes" if not found else "size" if sizes else "refuses")
          except FormatError as error:
              print("refuses")
      """
    let result = try Python.run(["-c", script, folder.path("."), "\(count)"])
    #expect(result.status == 0, "\(result.errors)")
    let theirs = result.output.split(separator: "\n")
    try #require(theirs.count == texts.count)
    var taken = 0
    for (text, verdict) in zip(texts, theirs) {
      let ours: String
      var isBeyondSchemas = false
      do {
        _ = try text.withUnsafeBytes { try Architecture(json: JSONValue(parsing: $0)) }
        ours = "takes"
        taken += 1
      } catch {
        ours = "\(error)"
        // What a line says, whether sizes fit each other and names are unique is beyond a schema, and so is the order of
        // two numbers.
        let place = (error as? RNNError)?.place ?? ""
        isBeyondSchemas = place.hasPrefix("module ") || place == "architecture"
          || ours.contains("a clip whose min is above its max")
          || (place == "architecture.forward" && !ours.contains("neither a line of text nor null"))
      }
      let agree = verdict == "size" || (isBeyondSchemas && verdict == "takes") || (ours == "takes") == (verdict == "takes")
      #expect(agree, "seed \(seed): Swift \(ours), the schema \(verdict)\n\(String(decoding: text, as: UTF8.self))")
    }
    #expect(taken > texts.count / 10)
  }
}
