#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A system call that failed.
struct SystemFailure: Error {
  let code: Int32

  /// The failure of the last call, from `errno`.
  init() { code = errno }
}

/// The system's words for an error number.
package func systemMessage(_ code: Int32) -> String {
  String(cString: strerror(code))
}

/// What to do about an error that lies in the machine's state rather than in what was asked for. Nil for the others.
package func systemRemedy(_ code: Int32) -> String? {
  switch code {
  case ENOSPC, EDQUOT: "free some space on the disk"
  case EFBIG: "raise the limit of a file's size (ulimit -f), or use a disk that takes larger files"
  case EIO, ESTALE: "check the disk"
  case ENOMEM, EAGAIN: "close other programs and try again"
  case EMFILE, ENFILE: "close other files or programs and try again"
  default: nil
  }
}

/// What to do where temporary files find no room.
func scratchRemedy(_ code: Int32 = ENOSPC) -> String {
  var limit = rlimit()
  #if canImport(Glibc)
    let isKnown = getrlimit(.init(RLIMIT_FSIZE.rawValue), &limit) == 0
  #else
    let isKnown = getrlimit(RLIMIT_FSIZE, &limit) == 0
  #endif
  let isLimited = isKnown && limit.rlim_cur < rlim_t(Int64.max)
  let remedy = "free some space, or set TMPDIR to a folder that has it"
  return code == EFBIG || isLimited ? "raise the limit of a file's size (ulimit -f); else \(remedy)" : remedy
}
