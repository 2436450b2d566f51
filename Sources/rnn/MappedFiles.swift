import RNNKit

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Files are mapped, and a page that cannot be read comes as a signal: where another program shortens a file that is in
/// use, or where its disk fails.
enum MappedFiles {
  /// Makes that signal an error like others. An output that is being written has no name yet and goes with the process.
  static func reportFailures() {
    signal(SIGBUS) { _ in
      // Nothing but calls that a signal's handler may make.
      let line: StaticString = """
        rnn: a file in use cannot be read: it was shortened meanwhile, or its disk fails; work on a copy that nobody writes to

        """
      _ = write(2, line.utf8Start, line.utf8CodeUnitCount)
      _exit(74)
    }
  }
}
