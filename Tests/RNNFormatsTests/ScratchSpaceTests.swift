import RNNFormats
import RNNModel
import Testing

@Suite struct ScratchSpaceTests {
  /// In memory, then, when that is used up, in a shared part of a file; large ones in a part of their own.
  @Test(arguments: [[0, 1, 100], Array(repeating: 10 << 20, count: 8), [70 << 20]])
  func keepsWhatIsWritten(_ sizes: [Int]) throws {
    let space = ScratchSpace(nil)
    var storages: [TensorStorage] = []
    for (index, size) in sizes.enumerated() {
      storages.append(try space.storage(size) { room in
        for offset in 0..<room.bytes.count {
          room.bytes[offset] = UInt8(truncatingIfNeeded: offset / 4099 + index)
          if offset % (1 << 20) == 0 { room.wrote(offset) }
        }
      })
    }
    for (index, storage) in storages.enumerated() {
      #expect(storage.count == sizes[index])
      func isWhole(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Bool {
        bytes.indices.allSatisfy { bytes[$0] == UInt8(truncatingIfNeeded: (start + $0) / 4099 + index) }
      }
      var read = 0
      try storage.forEachPiece(of: 0..<storage.count) { piece in
        #expect(isWhole(piece, from: read))
        read += piece.count
      }
      #expect(read == storage.count)
      #expect(storage.withUnsafeBytes { isWhole($0, from: 0) }, "reading changed nothing")
    }
  }

  @Test func startsWithZerosAndPassesErrorsOn() throws {
    let space = ScratchSpace(nil)
    for size in [1000, 70 << 20] {
      let storage = try space.storage(size) { room in room.bytes[size - 1] = 7 }
      #expect(storage.withUnsafeBytes { $0[size - 1] == 7 && $0.dropLast().allSatisfy { $0 == 0 } })
      #expect(refusal { _ = try space.storage(size) { _ throws(RNNError) in throw RNNError(.badData, "no") } } == "no")
    }
  }
}
