import RNNFormats
import RNNModel
import Testing

/// One violation of the format a test, in files whose checksums hold.
@Suite struct NativeRefusalTests {
  private static let damaged = "; copy the file again; it is damaged"
  private static let cutShort = "; copy the file again; it is cut short or damaged"
  private static let schema = "; compare with the schema, or write the file again"
  private static let json = ", expected valid JSON; write the file again"

  private func expectRefusal(
    _ file: NativeFile, _ message: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(refusal { _ = try file.read() } == message, sourceLocation: sourceLocation)
  }

  private func expectRefusal(
    replacing old: String, with new: String, _ message: String, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    expectRefusal(try NativeFile.good(replacing: old, with: new), message, sourceLocation: sourceLocation)
  }

  // MARK: The fixed part

  @Test func refusesAnotherMagic() {
    var file = NativeFile.good
    file.magic[3] = 0x4F
    expectRefusal(file,
      "offset 0: not the magic of a native file, 89 52 4E 4E 0D 0A 1A 0A; see FormatRegistry.formats for what can be read")
  }

  @Test(arguments: [0, 2, UInt32.max]) func refusesAnotherVersion(_ version: UInt32) {
    var file = NativeFile.good
    file.version = version
    expectRefusal(file, "offset 8: version \(version), expected 1; use a newer RNNKit")
  }

  @Test func refusesAReservedFieldThatIsNotZero() {
    var file = NativeFile.good
    file.reserved = 256
    expectRefusal(file, "offset 12: a reserved field is 256, expected 0; use a newer RNNKit")
  }

  @Test(arguments: [
    (67_108_865, "offset 16: a header of 67108865 bytes, more than the limit of 67108864" + damaged),
    (1 << 63, "offset 16: the header's length is 9223372036854775808, more than any file holds" + damaged),
    (.max, "offset 16: the header's length is 18446744073709551615, more than any file holds" + damaged),
    (.max >> 1, "offset 16: a header of 9223372036854775807 bytes, more than the limit of 67108864" + damaged),
    (1121, "offset 40: the file ends inside the header: 1121 bytes expected, 1120 left" + cutShort),
    (985, "header, offset 984: text after the JSON value" + json),
    (0, "header, offset 0: the text ends early" + json),
    (10, "header, offset 10: no colon after a key" + json),
  ] as [(UInt64, String)])
  func refusesAHeaderLengthThatLies(_ length: UInt64, _ message: String) {
    var file = NativeFile.good
    file.headerLength = length
    expectRefusal(file, message)
  }

  @Test(arguments: [0, 1159, 1161]) func refusesAFileLengthThatLies(_ length: UInt64) {
    var file = NativeFile.good
    file.fileLength = length
    expectRefusal(file, "offset 24: the file has 1160 bytes, its header says \(length)\(Self.longer)")
  }

  private static let longer = "; copy the file again; it is cut short or longer than it was"

  @Test func refusesAFileLengthBeyondAnyFile() {
    var file = NativeFile.good
    file.fileLength = .max
    expectRefusal(file, "offset 24: the file's length is 18446744073709551615, more than any file holds" + Self.damaged)
  }

  @Test func refusesAHeaderChecksumThatDiffers() {
    var file = NativeFile.good
    let expected = file.statedChecksum
    file.headerChecksum = 0xABC
    expectRefusal(file, "offset 32: the header's checksum is \(expected), expected 0000000000000abc" + Self.damaged)
  }

  @Test(arguments: [
    (0, "offset 0: the file ends inside the magic: 8 bytes expected, 0 left"),
    (9, "offset 8: the file ends inside the version: 4 bytes expected, 1 left"),
    (12, "offset 12: the file ends inside the reserved field: 4 bytes expected, 0 left"),
    (20, "offset 16: the file ends inside the header's length: 8 bytes expected, 4 left"),
    (31, "offset 24: the file ends inside the file's length: 8 bytes expected, 7 left"),
  ])
  func namesTheFieldInWhichAFileEnds(_ length: Int, _ message: String) {
    let start = Array(NativeFile.good.bytes[..<length])
    #expect(refusal { _ = try NativeFormat().read(start.file) } == message + Self.cutShort)
  }

  // MARK: The header's JSON

  @Test func refusesAHeaderThatIsNoObject() {
    expectRefusal(NativeFile(header: "[]"), "header: not a JSON object" + Self.schema)
  }

  @Test func refusesInvalidUTF8() throws {
    var file = NativeFile.good
    let name = try #require(file.header.firstRange(of: Array("\"a\"".utf8)))
    file.header[name.lowerBound + 1] = 0xFF
    expectRefusal(file, "header, offset 23: text that is not UTF-8" + Self.json)
  }

  @Test func refusesDeepNesting() throws {
    let deep = String(repeating: "[", count: 63) + String(repeating: "]", count: 63)
    try expectRefusal(replacing: "{\"tensors\"", with: "{\"metadata\":{\"a\":\(deep)},\"tensors\"",
      "header, offset 79: more than 64 levels" + Self.json)
  }

  @Test func refusesADuplicateKey() throws {
    try expectRefusal(replacing: "{\"tensors\"", with: "{\"tensors\":[],\"tensors\"",
      "header, offset 23: the key \"tensors\" stands twice" + Self.json)
  }

  @Test func shortensAKeyTooLongToPrint() {
    let key = "\"" + String(repeating: "k", count: 100_000) + "\":0"
    let message: String? = refusal { _ = try NativeFile(header: "{\(key),\(key)}").read() }
    #expect((message?.utf8.count ?? .max) < 2000)
  }

  @Test(arguments: [
    ("{\"tensors\"", "{\"extra\":0,\"tensors\"", "header.extra"),
    ("{\"name\":\"a\"", "{\"scale\":1,\"name\":\"a\"", "header.tensors[0].scale"),
    ("{\"name\":\"c\"", "{\"kind\":null,\"name\":\"c\"", "header.cases[0].kind"),
    ("{\"name\":\"input\"", "{\"Name\":\"\",\"name\":\"input\"", "header.cases[0].members[0].Name"),
    ("{\"tensors\"", "{\"architecture\":{\"modules\":[],\"x\":0},\"tensors\"", "architecture.x"),
  ])
  func refusesAnUnknownKey(_ old: String, _ new: String, _ place: String) throws {
    try expectRefusal(replacing: old, with: new,
      "\(place): an unknown key, which may change what the model computes; use a newer RNNKit, or correct the key")
  }

  @Test(arguments: [
    ("{\"tensors\"", "{\"tensor\"", "header.tensors: missing"),
    ("{\"name\":\"a\",", "{", "header.tensors[0].name: missing"),
    ("{\"name\":\"a\",\"dtype\":\"float32\",", "{\"name\":\"a\",", "header.tensors[0].dtype: missing"),
    ("\"shape\":[2],", "", "header.tensors[0].shape: missing"),
    ("\"offset\":1024,", "", "header.tensors[0].offset: missing"),
    ("\"bytes\":4,", "", "header.tensors[1].bytes: missing"),
    ("{\"name\":\"c\",", "{", "header.cases[0].name: missing"),
    ("\"members\"", "\"metadata\"", "header.cases[0].members: missing"),
  ])
  func refusesAMissingKey(_ old: String, _ new: String, _ message: String) throws {
    try expectRefusal(replacing: old, with: new, message + Self.schema)
  }

  @Test(arguments: [
    ("{\"tensors\":", "{\"tensors\":{},\"metadata\":", "header.tensors: not a list"),
    ("\"cases\":", "\"cases\":{},\"metadata\":", "header.cases: not a list"),
    ("{\"tensors\"", "{\"ordered\":1,\"tensors\"", "header.ordered: neither true nor false"),
    ("{\"tensors\"", "{\"metadata\":[],\"tensors\"", "header.metadata: not a JSON object"),
    ("{\"tensors\"", "{\"architecture\":[],\"tensors\"", "architecture: not a JSON object"),
    ("{\"name\":\"c\"", "{\"metadata\":\"\",\"name\":\"c\"", "header.cases[0].metadata: not a JSON object"),
    ("\"name\":\"a\"", "\"name\":1", "header.tensors[0].name: not a string"),
    ("\"offset\":1024", "\"offset\":1024.0", "header.tensors[0].offset: not a whole number from 0"),
    ("\"offset\":1024", "\"offset\":-1024", "header.tensors[0].offset: not a whole number from 0"),
    ("\"bytes\":4", "\"bytes\":\"4\"", "header.tensors[1].bytes: not a whole number from 0"),
    ("\"cases\":[", "\"cases\":[0,", "header.cases[0]: not a JSON object"),
    ("{\"tensors\":[", "{\"tensors\":[[],", "header.tensors[0]: not a JSON object"),
  ])
  func refusesAValueOfTheWrongType(_ old: String, _ new: String, _ message: String) throws {
    try expectRefusal(replacing: old, with: new, message + Self.schema)
  }

  // MARK: Tensors

  /// A header's line of a tensor with one axis.
  private static func entry(_ name: String, _ dtype: String, _ size: Int, at offset: Int, _ bytes: [UInt8]) -> String {
    """
    {"name":"\(name)","dtype":"\(dtype)","shape":[\(size)],"offset":\(offset),"bytes":\(bytes.count),\
    "xxh3":"\(NativeFile.checksum(bytes))"}
    """
  }

  @Test func refusesDuplicateTensorNames() throws {
    try expectRefusal(replacing: "\"name\":\"b\"", with: "\"name\":\"a\"",
      "tensor a: the name stands twice; write the file again")
  }

  @Test func refusesDuplicateMembersAndCases() throws {
    let empty = Self.entry("input", "int8", 0, at: 1152, [])
    try expectRefusal(replacing: "\"members\":[", with: "\"members\":[\(empty),",
      "header.cases[0].members: two members have one name" + Self.schema)
    try expectRefusal(replacing: "\"cases\":[", with: "\"cases\":[{\"name\":\"c\",\"members\":[]},",
      "header.cases: two cases have one name" + Self.schema)
  }

  @Test func refusesAnUnknownType() throws {
    try expectRefusal(replacing: "int64", with: "int128",
      "header.cases[0].members[0].dtype: an unknown element type \"int128\"" + Self.schema)
  }

  @Test(arguments: [
    "-2", "2,-1", "9223372036854775807,2", "4294967296,4294967296,0", "2305843009213693952",
    Array(repeating: "1", count: 33).joined(separator: ","),
  ])
  func refusesAnImpossibleShape(_ sizes: String) throws {
    try expectRefusal(replacing: "\"shape\":[2]", with: "\"shape\":[\(sizes)]",
      "header.tensors[0].shape: not a shape: a negative size, too many axes, or more elements than memory can hold"
        + Self.schema)
  }

  @Test(arguments: ["2.0", "2e0", "-0", "9223372036854775808", "\"2\"", "[2]", "null", "true"])
  func refusesAShapeThatIsNotOfWholeNumbers(_ size: String) throws {
    try expectRefusal(replacing: "\"shape\":[2]", with: "\"shape\":[\(size)]",
      "header.tensors[0].shape: not a list of whole numbers" + Self.schema)
  }

  @Test(arguments: [7, 0, Int.max]) func refusesABytesCountThatDoesNotFollow(_ count: Int) throws {
    try expectRefusal(replacing: "\"bytes\":8,\"xxh3\":\"\(NativeFile.checksum([0, 0, 0x80, 0x3F, 0, 0, 0, 0x40]))",
      with: "\"bytes\":\(count),\"xxh3\":\"0000000000000000",
      "header.tensors[0].bytes: \(count), expected 8 for float32 (2,)" + Self.schema)
  }

  /// Overlapping, inside the header, with a gap, not aligned, beyond the end, at the largest number there is.
  @Test(arguments: [1024, 960, 0, 1152, 1087, 1032, 1 << 40, Int.max])
  func refusesAnOffsetThatDoesNotFollow(_ offset: Int) throws {
    try expectRefusal(replacing: "\"offset\":1088", with: "\"offset\":\(offset)",
      "tensor b at offset \(offset): expected at offset 1088, right after what comes before it" + Self.damaged)
  }

  @Test func refusesTensorsInAnotherOrderThanTheList() throws {
    let b = Self.entry("b", "float32", 1, at: 1088, [0, 0, 0x40, 0x40])
    var file = try NativeFile.good(replacing: ",\(b)", with: "")
    file.header.replace(Array("{\"tensors\":[".utf8), with: Array("{\"tensors\":[\(b),".utf8))
    expectRefusal(file,
      "tensor b at offset 1088: expected at offset 1024, right after what comes before it" + Self.damaged)
  }

  @Test func refusesATensorBeyondTheEnd() throws {
    try expectRefusal(
      replacing: "\"shape\":[1],\"offset\":1152,\"bytes\":8", with: "\"shape\":[2],\"offset\":1152,\"bytes\":16",
      "tensor input at offset 1152: 16 bytes are expected, the file has 8 there" + Self.damaged)
  }

  @Test func refusesAnEmptyTensorBeyondTheEnd() throws {
    try expectRefusal(replacing: "]}]}", with: ",\(Self.entry("e", "int8", 0, at: 1216, []))]}]}",
      "tensor e at offset 1216: 0 bytes are expected, the file has 0 there" + Self.damaged)
  }

  @Test(arguments: [(8, "b", 1088), (63, "b", 1088), (68, "input", 1152), (127, "input", 1152)])
  func refusesBytesBetweenTensorsThatAreNotZero(_ position: Int, _ tensor: String, _ offset: Int) {
    var file = NativeFile.good
    file.body[position] = 1
    expectRefusal(file, "tensor \(tensor) at offset \(offset): the bytes before it are not zero" + Self.damaged)
  }

  @Test func refusesBytesAfterTheHeaderThatAreNotZero() {
    var file = NativeFile.good
    file.headerLength = 950
    file.header += [UInt8](repeating: 0x20, count: 950 - file.header.count)
    file.fill = 0
    #expect(throws: Never.self) { try file.read() }
    file.fill = 0x20
    expectRefusal(file, "tensor a at offset 1024: the bytes before it are not zero" + Self.damaged)
  }

  @Test func refusesTrailingBytes() {
    var file = NativeFile.good
    file.body.append(0)
    expectRefusal(file, "offset 1160: 1 bytes that belong to no tensor" + Self.damaged)
  }

  @Test func refusesTrailingBytesWithoutTensors() {
    var file = NativeFile(header: "{\"tensors\":[]}")
    file.body = [0, 0]
    expectRefusal(file, "offset 1024: 2 bytes that belong to no tensor" + Self.damaged)
  }

  @Test(arguments: [
    (0, "a", 1024, [1, 0, 0x80, 0x3F, 0, 0, 0, 0x40], [0, 0, 0x80, 0x3F, 0, 0, 0, 0x40]),
    (64, "b", 1088, [1, 0, 0x40, 0x40], [0, 0, 0x40, 0x40]),
    (128, "input", 1152, [1, 0, 0, 0, 0, 0, 0, 0], [7, 0, 0, 0, 0, 0, 0, 0]),
  ] as [(Int, String, Int, [UInt8], [UInt8])])
  func refusesATensorWhoseChecksumDiffers(
    _ position: Int, _ tensor: String, _ offset: Int, _ changed: [UInt8], _ original: [UInt8]
  ) {
    var file = NativeFile.good
    file.body[position] = 1
    let (found, expected) = (NativeFile.checksum(changed), NativeFile.checksum(original))
    expectRefusal(file,
      "tensor \(tensor) at offset \(offset): its checksum is \(found), expected \(expected)" + Self.damaged)
  }

  @Test(arguments: [
    "1E09312920D89815", "1e09312920d8981", "01e09312920d89815", "+e09312920d89815", "", "０000000000000000",
  ])
  func refusesAChecksumThatIsNotSixteenDigits(_ text: String) throws {
    try expectRefusal(replacing: NativeFile.checksum([0, 0, 0x40, 0x40]), with: text,
      "header.tensors[1].xxh3: not sixteen lowercase hexadecimal digits" + Self.schema)
  }

  // MARK: Names

  @Test func refusesNamesBeyondTheLimit() {
    let long = String(repeating: "n", count: 4097)
    let tensor = "\"dtype\":\"int8\",\"shape\":[0],\"offset\":1024,\"bytes\":0,\"xxh3\":\"\(NativeFile.checksum([]))\""
    expectRefusal(NativeFile(header: "{\"tensors\":[{\"name\":\"\(long)\",\(tensor)}]}"),
      "header.tensors[0]: a name of more than 4096 bytes; rename the tensor")
    expectRefusal(NativeFile(header: "{\"tensors\":[],\"cases\":[{\"name\":\"\(long)\",\"members\":[]}]}"),
      "header.cases[0].name: more than 4096 bytes" + Self.schema)
    let module = "{\"type\":\"Unknown\",\"name\":\"\(long)\",\"tensors\":[]}"
    expectRefusal(NativeFile(header: "{\"tensors\":[],\"architecture\":{\"modules\":[\(module)]}}"),
      "architecture.modules[0].name: more than 4096 bytes" + Self.schema)
  }

  @Test func keepsTheMessageOnOneLine() throws {
    var file = try NativeFile.good(replacing: "\"name\":\"b\"", with: "\"name\":\"b\\n\\u001b[2J\\u0000\u{85}\"")
    file.body[64] = 1
    let refused: String? = refusal { _ = try file.read() }
    let message = try #require(refused)
    #expect(message.hasPrefix("tensor b\\n\\u{1b}[2J\\u{0}\\u{85} at offset 1088: its checksum is "))
    #expect(!message.unicodeScalars.contains { $0.properties.generalCategory == .control })
  }
}
