import Foundation
import Testing

/// Completions, as a person at a terminal gets them; `complete.py` types.
@Suite struct CompletionTests {
  private static func isInstalled(_ name: String) -> Bool { (try? Shell.run("command -v \(name)").status == 0) ?? false }
  private static let hasPython = isInstalled("python3")

  /// What is typed, and the line that the tab key makes of it.
  private static let lines = [
    ("rnn insp", "rnn inspect"), ("rnn inspect mo", "rnn inspect model.h5"), ("rnn inspect sub/oth", "rnn inspect sub/other.keras"),
    ("rnn run model.h5 --input in", "rnn run model.h5 --input input.npy"), ("rnn run model.h5 -i in", "rnn run model.h5 -i input.npy"),
    ("rnn convert model.h5 out --to saf", "rnn convert model.h5 out --to safetensors"),
    ("rnn verify model.h5 --from rtn", "rnn verify model.h5 --from rtneural"),
    ("rnn convert model.h5 out --dtype bf", "rnn convert model.h5 out --dtype bf16"),
    ("rnn inspect model.h5 --batch", "rnn inspect model.h5 --batch-first"),
    ("rnn diff model.h5 sub/oth", "rnn diff model.h5 sub/other.keras"),
    // No model.
    ("rnn inspect note", "rnn inspect note"),
  ]

  @Test(arguments: ["bash", "zsh", "fish"])
  func completesFilesByKindAndWords(shell: String) throws {
    guard Self.hasPython, Self.isInstalled(shell) else {
      print("completions: \(shell) skipped, it or python3 is not installed")
      return
    }
    let scratch = try Scratch()
    let folder = scratch.url("work")
    try FileManager.default.createDirectory(at: folder.appendingPathComponent("sub"), withIntermediateDirectories: true)
    for name in ["model.h5", "model.txt", "input.npy", "input.md", "notes.md", "sub/other.keras", "sub/other.txt"] {
      try Data().write(to: folder.appendingPathComponent(name))
    }
    // zsh offers other files where none is of the kind.
    let lines = shell == "zsh" ? Self.lines.dropLast() : Self.lines
    let script = scratch.url(shell == "zsh" ? "_rnn" : "rnn.\(shell)")
    try Data(Command.run("--generate-completion-script", shell).output.utf8).write(to: script)
    let typist = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("complete.py").path
    let result = try Shell.run(
      #"python3 -B "$@""#, [typist, shell, Command.executable.path, script.path, folder.path] + lines.map(\.0))
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.lines == lines.map(\.1))
  }
}
