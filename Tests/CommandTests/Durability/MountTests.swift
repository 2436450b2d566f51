import Foundation
import Testing

/// Small file systems of a test's own, in a mount namespace that goes with the script that runs in it.
private enum Mounts {
  /// How this user gets such a namespace; nil where none may.
  static let unshare: [String]? = [["-m"], ["-r", "-m"]].first { options in
    (try? shell("mount -t tmpfs -o size=64k tmpfs \"$1\"", [NSTemporaryDirectory()], options))?.status == 0
  }

  static var isAvailable: Bool { unshare != nil }

  /// Runs a shell script whose `$1` … are the arguments.
  static func shell(_ script: String, _ arguments: [String], _ options: [String]) throws -> (status: Int32, output: String) {
    let logs = try Scratch()
    try Data().write(to: logs.url("out"))
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["unshare"] + options + ["sh", "-c", script, "sh"] + arguments
    process.standardOutput = try FileHandle(forWritingTo: logs.url("out"))
    process.standardError = process.standardOutput
    try process.run()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: try Data(contentsOf: logs.url("out")), as: UTF8.self))
  }

  static func shell(_ script: String, _ arguments: [String]) throws -> String {
    let result = try shell(script, arguments, try #require(unshare))
    #expect(result.status == 0, "\(result.output)")
    return result.output
  }
}

@Suite(.enabled(if: Mounts.isAvailable, "this user may mount nothing"))
struct MountTests {
  private let scratch: Scratch
  private let model: String
  private var folder: String { scratch.path("disk") }

  init() throws {
    scratch = try Scratch()
    model = try Samples.native("lstm", scratch)
    try FileManager.default.createDirectory(at: scratch.url("disk"), withIntermediateDirectories: false)
  }

  /// Mounts a disk of 64 KiB with an old file, of which so many bytes are left, and converts to it.
  private static let full = """
    mount -t tmpfs -o size=64k tmpfs "$2" && printf old > "$2/old.$4" &&
    dd if=/dev/zero of="$2/ballast" bs=4096 count="$5" 2>/dev/null &&
    for name in old new; do
      "$1" convert "$3" "$2/$name.$4" --force --quiet; echo "status $?"
    done
    ls -A "$2"; cat "$2/old.$4"
    """

  @Test(arguments: ["rnn", "h5", "npz", "pt", "safetensors", "json", "onnx", "keras"])
  func leavesNothingOnAFullDisk(_ format: String) throws {
    // Full to the last page, and with room for the file's beginning.
    for ballast in [15, 13] {
      let lines = try Mounts.shell(Self.full, [Command.executable.path, folder, model, format, "\(ballast)"])
        .split(separator: "\n").map(String.init)
      func path(_ name: String) -> String {
        "rnn: \(folder)/\(name).\(format): cannot be written: No space left on device; free some space on the disk"
      }
      #expect(lines == [path("old"), "status 74", path("new"), "status 74", "ballast", "old.\(format)", "old"])
    }
  }

  @Test func saysThatThereIsNoRoomForTemporaryFiles() throws {
    let script = """
      mount -t tmpfs -o size=64k tmpfs "$2" && dd if=/dev/zero of="$2/ballast" bs=4096 count=16 2>/dev/null &&
      TMPDIR="$2" "$1" convert "$3" "$4/new.rnn" --quiet; echo "status $?"; ls -A "$2"; ls -A "$4"
      """
    let lines = try Mounts.shell(script, [Command.executable.path, folder, Samples.path("lstm"), scratch.folder.path])
      .split(separator: "\n").map(String.init)
    #expect(lines == [
      "rnn: \(folder): no room for the answer of the HDF5 library's process; free some space, or set TMPDIR to a folder that has it",
      "status 74", "ballast", "disk", "model.rnn",
    ])
  }

  @Test func refusesAFileSystemThatIsReadOnly() throws {
    let script = """
      mount -t tmpfs tmpfs "$2" && printf old > "$2/old.rnn" && mount -o remount,ro "$2" &&
      for name in old new; do
        "$1" convert "$3" "$2/$name.rnn" --force --quiet; echo "status $?"
      done
      ls -A "$2"; cat "$2/old.rnn"
      """
    let lines = try Mounts.shell(script, [Command.executable.path, folder, model]).split(separator: "\n").map(String.init)
    func line(_ name: String) -> String {
      "rnn: \(folder)/\(name).rnn: cannot be created: Read-only file system; check that the folder exists and may be written to"
    }
    #expect(lines == [line("old"), "status 73", line("new"), "status 73", "old.rnn", "old"])
  }
}
