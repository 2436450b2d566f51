#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The system's words for an error number.
package func systemMessage(_ code: Int32) -> String {
  String(cString: strerror(code))
}

/// What to do about an error that lies in the machine's state rather than in what was asked for. Nil for the others.
package func systemRemedy(_ code: Int32) -> String? {
  switch code {
  case ENOSPC, EDQUOT: "free some space on the disk"
  case EIO, ESTALE: "check the disk"
  case ENOMEM, EAGAIN: "close other programs and try again"
  case EMFILE, ENFILE: "close other files or programs and try again"
  default: nil
  }
}
