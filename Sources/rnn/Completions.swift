import ArgumentParser
import RNNKit
import RNNONNX

/// What a shell offers in the place of an argument's value.
enum Completions {
  /// Files that may hold a model, and archives of them.
  static var model: CompletionKind {
    .file(extensions: unique(FormatRegistry.complete().formats.flatMap { $0.fileExtensions } + ["ckpt", "bin", "pkl", "zip", "tar", "gz", "tgz"]))
  }

  /// Files of arrays.
  static var arrays: CompletionKind { .file(extensions: unique(ArrayRegistry.complete().formats.flatMap { $0.fileExtensions })) }

  static var json: CompletionKind { .file(extensions: ["json"]) }

  /// The names of formats.
  static var formats: CompletionKind { .list(FormatRegistry.complete().formats.map { $0.name }) }

  /// What a file is written as.
  static var writers: CompletionKind { .list(FormatRegistry.complete().formats.filter { $0.canWrite }.map { $0.name }) }

  private static func unique(_ names: [String]) -> [String] {
    var seen = Set<String>()
    return names.filter { seen.insert($0).inserted }
  }
}
