import Foundation
import RNNFormats
import RNNModel
import Testing

/// Files that another one names as parts of itself: an index its safetensors files, as an ONNX graph its external data.
@Suite struct CompanionFileTests {
  private let folder: URL
  private static let names = ["model.safetensors.index.json", SafetensorsTests.first, SafetensorsTests.second]

  init() throws {
    // Temporary folders may be links themselves.
    folder = FileManager.default.temporaryDirectory.resolvingSymlinksInPath()
      .appendingPathComponent("rnnkit-companions-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  private func remove() { try? FileManager.default.removeItem(at: folder) }

  /// Lays the model's three files out, each at the path that `place` gives, and links to them from the model's folder.
  private func refusal(in model: String, place: (String) -> String, link: (String) -> String) throws -> String? {
    let files = FileManager.default
    try files.createDirectory(at: folder.appendingPathComponent(model), withIntermediateDirectories: true)
    for name in Self.names {
      let target = folder.appendingPathComponent(place(name))
      try files.createDirectory(at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
      try files.copyItem(atPath: Fixture.path(name), toPath: target.path)
      let path = folder.appendingPathComponent(model).appendingPathComponent(name)
      if path.path != target.path { try files.createSymbolicLink(atPath: path.path, withDestinationPath: link(name)) }
    }
    let index = folder.appendingPathComponent(model).appendingPathComponent(Self.names[0]).path
    return refusal { _ = try FormatRegistry.standard.read(InputFile(index)) }
      .map { $0.replacingOccurrences(of: folder.path + "/", with: "") }
  }

  private func refusal(_ body: () throws -> Void) -> String? {
    do { try body() } catch { return "\(error)" }
    return nil
  }

  private static func leadsOut(_ model: String) -> String {
    "\(model)/model.safetensors.index.json: a file of the model, \(SafetensorsTests.first), is a link that leads out of "
      + "the model's folder; keep the model's data files in its own folder"
  }

  /// huggingface_hub's cache: every file of a snapshot is a link to a blob named by its hash.
  @Test(arguments: ["models--nobody--lstm/snapshots/0a1b", "a/snapshots/b/models--nobody--lstm/snapshots/0a1b/onnx"])
  func readsTheCacheOfHuggingFace(_ model: String) throws {
    defer { remove() }
    let up = model.hasSuffix("onnx") ? "../../../" : "../../"
    let home = model.components(separatedBy: "/snapshots/0a1b")[0]
    func blob(_ name: String) -> String { "blobs/\(name.utf8.count)\(name.hashValue)" }
    #expect(try refusal(in: model, place: { "\(home)/\(blob($0))" }, link: { "\(up)\(blob($0))" }) == nil)
  }

  @Test func readsLinksInsideTheFolder() throws {
    defer { remove() }
    #expect(try refusal(in: "m", place: { "m/parts/\($0)" }, link: { "parts/\($0)" }) == nil)
  }

  /// Elsewhere, beside the cache's blobs, through a link from them, and in a folder that only looks like a cache.
  @Test(arguments: [
    ("m", "other/", "../other/"), ("models--a--b/snapshots/r", "models--a--b/other/", "../../other/"),
    ("models--a--b/snapshots/r", "models--a--b/blobs/deeper/", "../../blobs/deeper/"),
    ("models--a--b/snapshots/r", "blobs/", "../../../blobs/"), ("models--a--b/snapshots", "models--a--b/blobs/", "../blobs/"),
    ("plain/snapshots/r", "plain/blobs/", "../../blobs/"),
    ("models--a--b/r", "models--a--b/blobs/", "../blobs/"),
  ])
  func refusesALinkOutOfTheFolder(_ model: String, _ place: String, _ link: String) throws {
    defer { remove() }
    #expect(try refusal(in: model, place: { place + $0 }, link: { link + $0 }) == Self.leadsOut(model))
  }

  @Test func refusesABlobThatIsALink() throws {
    defer { remove() }
    let blobs = folder.appendingPathComponent("models--a--b")
    try FileManager.default.createDirectory(at: blobs, withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(
      atPath: blobs.appendingPathComponent("blobs").path, withDestinationPath: "../elsewhere")
    let model = "models--a--b/snapshots/r"
    #expect(try refusal(in: model, place: { "elsewhere/\($0)" }, link: { "../../blobs/\($0)" }) == Self.leadsOut(model))
  }

  /// A pipe that an archive brings along would be waited for.
  @Test func refusesWhatIsNoFile() throws {
    defer { remove() }
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try FileManager.default.copyItem(atPath: Fixture.path(Self.names[0]), toPath: folder.path + "/" + Self.names[0])
    try #require(mkfifo(folder.path + "/" + SafetensorsTests.first, 0o600) == 0)
    let message = refusal { _ = try FormatRegistry.standard.read(InputFile(folder.path + "/" + Self.names[0])) }
    #expect(message == "\(folder.path)/\(Self.names[0]): a file of the model, \(SafetensorsTests.first), is no regular file; "
      + "keep the model's data files in its own folder")
  }
}
