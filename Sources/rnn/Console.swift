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
  /// Writes a result for people. Ends the command with status 74 where nobody takes it.
  static func output(_ text: String) { document(Terminal.shown(text)) }

  /// The same for programs: JSON, as it is.
  static func document(_ text: String) {
    if !write(text, to: 1) {
      failure("standard output cannot be written: \(String(cString: strerror(errno))); check where it goes")
      exit(RNNError.Kind.inputOutput.exitStatus)
    }
  }

  /// Writes a remark, on a line of its own.
  static func error(_ text: String) {
    _ = write(Terminal.shown(text) + "\n", to: 2)
  }

  /// Writes the one line of an error.
  static func failure(_ text: String) { error(Terminal.painted("rnn:", .red, on: 2) + " " + text) }

  /// The same, marked as no error.
  static func note(_ text: Phrase) {
    guard amount != .nothing else { return }
    error(Terminal.painted("note:", .bold, on: 2) + " " + text.text(in: CommandWording()).escapingControlCharacters())
  }

  /// What is likely not meant, and no error.
  static func warning(_ text: String) {
    if amount != .nothing { error(Terminal.painted("warning:", .yellow, on: 2) + " " + text.escapingControlCharacters()) }
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
  private var rows: [(cells: [String], style: Terminal.Style?)] = []
  private let right: Set<Int>
  /// The column whose cells are in a row's style.
  private let styled: Int

  init(right: Set<Int> = [], styled: Int = 0) {
    self.right = right
    self.styled = styled
  }

  mutating func add(_ cells: String..., style: Terminal.Style? = nil) {
    rows.append((cells.map { $0.escapingControlCharacters() }, style))
  }

  /// The rows, each with two spaces before it and between columns, and a line end. On a terminal a last column that is too
  /// wide for it goes on below, where it has room for some words.
  var text: String {
    var widths: [Int] = []
    for row in rows {
      for (column, cell) in row.cells.enumerated() {
        if column == widths.count { widths.append(0) }
        widths[column] = max(widths[column], cell.count)
      }
    }
    let indent = widths.dropLast().reduce(2) { $0 + $1 + 2 }
    let room = Terminal.width().map { $0 - indent }.flatMap { $0 >= Self.leastRoom ? $0 : nil }
    return rows.map { row in
      var line = " "
      for (column, cell) in row.cells.enumerated() {
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        var text = Terminal.painted(cell, column == styled ? row.style : nil)
        if let room, column == widths.count - 1, cell.count > room {
          text = Self.broken(cell, at: room).joined(separator: "\n" + String(repeating: " ", count: indent))
        }
        line += " " + (column == 0 ? "" : " ") + (right.contains(column) ? padding + text : text + padding)
      }
      while line.last == " " { line.removeLast() }
      return line + "\n"
    }.joined()
  }

  /// Columns in which breaking lines is worth it.
  private static let leastRoom = 24

  /// A text's lines of at most so many characters, but for longer words.
  private static func broken(_ text: String, at width: Int) -> [String] {
    var lines: [String] = []
    for word in text.split(separator: " ", omittingEmptySubsequences: false) {
      if let last = lines.last, last.count + 1 + word.count <= width {
        lines[lines.count - 1] += " " + word
      } else {
        lines.append(String(word))
      }
    }
    return lines
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
