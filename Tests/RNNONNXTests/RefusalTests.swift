import Foundation
import RNNFormats
import RNNKit
import RNNONNX
import Testing

/// One graph for each thing that cannot be read, and the line it is refused with.
@Suite struct RefusalTests {
  /// Lines of `expected.txt`: the file's name, a colon, the error. PART stands for a remedy that many share.
  static let expected: [(name: String, message: String)] = {
    let text = (try? String(contentsOfFile: "\(Fixture.folder)/refused/expected.txt", encoding: .utf8)) ?? ""
    return text.split(separator: "\n").compactMap { line in
      line.range(of: ": ").map { colon in
        let message = line[colon.upperBound...].replacingOccurrences(of: "FOLDER", with: Fixture.folder)
          .replacingOccurrences(
            of: "; PART",
            with: "; export only the recurrent part, or use the weights as the framework itself saves them")
        return (String(line[..<colon.lowerBound]), message)
      }
    }
  }()

  @Test func everyBadGraphHasItsLine() {
    #expect(Self.expected.map { "refused/" + $0.name }.sorted() == Fixture.names(".onnx", in: "refused"))
  }

  /// Why a model can be read and not be run, as the note on its node says it.
  struct NotRunnable: Error, CustomStringConvertible { var description: String }

  /// A node that is not understood is shown, and no number is computed behind it.
  @Test(arguments: expected)
  func refuses(_ name: String, _ message: String) {
    let found = refusal {
      let archive = try ONNXFormat().read(Fixture.file("refused/\(name).onnx"))
      let model = try Interpretation(archive).model
      do {
        _ = try Plan(model)
      } catch {
        throw archive.notes.map(\.description).first { $0.contains(" cannot be run: ") }.map(NotRunnable.init) ?? error
      }
    }
    #expect(found == message)
  }

  @Test func refusesAGraphInputThatNobodySupplies() throws {
    let file = try Fixture.file("operators/test_gru_defaults.onnx")
    #expect(
      refusal { _ = try ONNXFormat().read(file, ModelRequest(supplying: [])) }
        == "node that gives Y_h (GRU): its weight W is the graph's input W, whose numbers are not in the file; "
        + "give Plan.run an array named W")
  }

  @Test func refusesExternalDataOfAModelFromAPipe() throws {
    let bytes = try Fixture.file("external.onnx").withUnsafeBytes { Array($0) }
    #expect(
      refusal { _ = try ONNXFormat().read(InputFile(bytes, name: "-")) }
        == "tensor W: its external data is in external.data, but the model came through a pipe or from memory and has no folder; "
        + "keep the model's data files in its own folder")
  }

  @Test func refusesAStateOfAnotherSize() throws {
    let name = "torch_lstm_state_s"
    var arrays = try Fixture.arrays(name, "in.")
    let index = try #require(arrays.firstIndex { $0.name == "h0" })
    arrays[index].tensor = try #require(Shape([2, 2, 6]).flatMap { Tensor([Float](repeating: 0, count: 24), $0) })
    #expect(
      refusal { _ = try ONNXFormat().read(Fixture.file("\(name).onnx"), ModelRequest(supplying: arrays)) }
        == "h0: its shape is (2, 2, 6), which does not fit the starting state of lstm; correct the input")
  }

  @Test func refusesAMemberGivenTwice() throws {
    let name = "torch_tagger_s"
    let tokens = try #require(try Fixture.arrays(name, "in.").first)
    #expect(
      refusal {
        _ = try ONNXFormat().read(Fixture.file("\(name).onnx"), ModelRequest(supplying: [tokens, NamedTensor("input", tokens.tensor)]))
      } == "input: it is given twice, also under the graph's own name for it; leave one of the two out")
  }

  /// Cut short at any byte, a file is refused, or read as far as its whole fields go; nothing ends in a crash.
  @Test func survivesBeingCutShort() throws {
    let bytes = try Fixture.file("tf2onnx.onnx").withUnsafeBytes { Array($0) }
    var read = 0
    for length in 0..<bytes.count {
      if refusal({ _ = try ONNXFormat().read(InputFile(Array(bytes[..<length]), name: "cut")) }) == nil { read += 1 }
    }
    #expect(read == 0)
  }

  /// Any one bit flipped: refused or read, but never a crash.
  @Test func survivesFlippedBits() throws {
    let bytes = try Fixture.file("torch_gru_s.onnx").withUnsafeBytes { Array($0) }
    for index in stride(from: 0, to: bytes.count * 8, by: 11) {
      var flipped = bytes
      flipped[index / 8] ^= 1 << UInt8(index % 8)
      if let archive = try? ONNXFormat().read(InputFile(flipped, name: "flipped")) { _ = try? Interpretation(archive) }
    }
  }
}
