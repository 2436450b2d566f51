import RNNKit

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Results to standard output, remarks to standard error.
enum Console {
  /// Writes a result. Ends the command with status 74 where nobody takes it.
  static func output(_ text: String) {
    if !write(text, to: 1) {
      error("rnn: standard output cannot be written: \(String(cString: strerror(errno))); check where it goes")
      exit(RNNError.Kind.inputOutput.exitStatus)
    }
  }

  /// Writes a remark, on a line of its own.
  static func error(_ text: String) {
    _ = write(text + "\n", to: 2)
  }

  /// The same, marked as no error.
  static func note(_ text: Phrase) {
    error("note: " + text.text(in: CommandWording()).escapingControlCharacters())
  }

  static func exit(_ status: Int32) -> Never {
    OutputFile.removeTemporaryNames()
    #if canImport(Glibc)
      Glibc.exit(status)
    #elseif canImport(Musl)
      Musl.exit(status)
    #else
      Darwin.exit(status)
    #endif
  }

  private static func write(_ text: String, to descriptor: Int32) -> Bool {
    var text = text
    return text.withUTF8 { bytes in
      var done = 0
      while done < bytes.count {
        let count = systemWrite(descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done)
        if count < 0 {
          if errno == EINTR { continue }
          return false
        }
        done += count
      }
      return true
    }
  }

  private static func systemWrite(_ descriptor: Int32, _ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int {
    #if canImport(Glibc)
      Glibc.write(descriptor, bytes, count)
    #elseif canImport(Musl)
      Musl.write(descriptor, bytes, count)
    #else
      Darwin.write(descriptor, bytes, count)
    #endif
  }
}

/// Columns of text, aligned: numbers to the right where a column is marked so.
struct Table {
  private var rows: [[String]] = []
  private let right: Set<Int>

  init(right: Set<Int> = []) {
    self.right = right
  }

  mutating func add(_ cells: String...) {
    rows.append(cells.map { $0.escapingControlCharacters() })
  }

  /// The rows, each with two spaces before it and between columns, and a line end.
  var text: String {
    var widths: [Int] = []
    for row in rows {
      for (column, cell) in row.enumerated() {
        if column == widths.count { widths.append(0) }
        widths[column] = max(widths[column], cell.count)
      }
    }
    return rows.map { row in
      var line = " "
      for (column, cell) in row.enumerated() {
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        line += " " + (column == 0 ? "" : " ") + (right.contains(column) ? padding + cell : cell + padding)
      }
      while line.last == " " { line.removeLast() }
      return line + "\n"
    }.joined()
  }
}

/// A count of things, as `1 case` or `12,345 tensors`.
func counted(_ number: Int, _ thing: String) -> String {
  "\(grouped(number)) \(thing)\(number == 1 ? "" : "s")"
}

/// A count with commas, as 12,345.
func grouped(_ number: Int) -> String {
  number.groupedDigits
}
