import RNNModel
import Testing

/// File names as text that stands for their bytes.
@Suite struct FileNameTextTests {
  /// Numbers that are the same in every run.
  private struct Numbers {
    var state: UInt64 = 1
    mutating func next(below bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
  }

  @Test func everyNameComesBack() {
    var numbers = Numbers()
    // Beginnings of UTF-8 and their ends, among them those of the scalars that carry bytes.
    let pieces: [[UInt8]] = [[0xF4, 0x8F, 0xBE], [0xF4, 0x8F, 0xBF, 0xBF], [0xED, 0xA0, 0x80], [0xC0, 0xAF], [0xE2, 0x82], [0x2F]]
    var texts: [[UInt8]: String] = [:]
    for _ in 0..<20_000 {
      var bytes: [UInt8] = []
      for _ in 0..<numbers.next(below: 6) {
        bytes += numbers.next(below: 3) == 0
          ? pieces[numbers.next(below: pieces.count)] : [UInt8(1 + numbers.next(below: 255))]
      }
      let text = String(fileName: bytes)
      #expect(text.fileNameBytes == bytes)
      #expect(text.systemPath.dropLast().map { UInt8(bitPattern: $0) } == bytes && text.systemPath.last == 0)
      #expect(text.folderPrefix.fileNameBytes + text.lastPathComponent.fileNameBytes == bytes)
      texts[bytes] = text
    }
    #expect(Set(texts.values.map { Array($0.utf8) }).count == texts.count, "two names have one text")
  }

  @Test func namesInUTF8AreThemselves() {
    for name in ["model.rnn", "модель", "e\u{301}", "\u{E9}", "📁", ""] {
      #expect(Array(String(fileName: Array(name.utf8)).utf8) == Array(name.utf8))
    }
  }

  @Test(arguments: [
    ("a", "", "a", "."), ("/a", "/", "a", "/"), ("b/a", "b/", "a", "b"), ("/b/a", "/b/", "a", "/b"), ("b/", "b/", "", "b"),
    ("b/\u{301}a", "b/", "\u{301}a", "b"), ("", "", "", "."),
  ])
  func splitsAtTheLastSlash(_ path: String, _ prefix: String, _ last: String, _ folder: String) {
    #expect([path.folderPrefix, path.lastPathComponent, path.folderPath].map { Array($0.utf8) }
      == [prefix, last, folder].map { Array($0.utf8) })
  }

  @Test func isShownInASCII() {
    let name = String(fileName: [0x61, 0xFF, 0x0A, 0x80])
    #expect(name.escapingControlCharacters() == #"a\xff\n\x80"#)
    #expect(name.readableFileName == "a\\xff\n\\x80")
    #expect(RNNError(.missingInput, file: name, "is missing").description == #"a\xff\n\x80: is missing"#)
  }

  // MARK: Lists

  @Test func aListNamesAFewAndCountsTheRest() {
    let names = (1...20_000).map { "m\($0)" }
    #expect(names.listed(atMost: 3) == "m1, m2, m3 and 19,997 more")
    #expect(names.prefix(4).listed(atMost: 3) == "m1, m2, m3, m4", "one more takes no more room than saying so")
    #expect(names.prefix(5).listed(atMost: 3) == "m1, m2, m3 and 2 more")
    #expect(["", "a"].listed() == "(unnamed), a")
    #expect([String]().listed() == "none")
    #expect(names.listed().utf8.count < 100)
  }
}
