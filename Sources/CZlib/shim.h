#include <zlib.h>

// inflateInit2 and deflateInit2 are macros, which Swift cannot import. windowBits −15 is a raw stream, as zip holds it.
static inline int rnn_inflate_init_raw(z_stream *stream) { return inflateInit2(stream, -15); }
// 31 is a gzip member, whose checksum and length zlib verifies.
static inline int rnn_inflate_init_gzip(z_stream *stream) { return inflateInit2(stream, 31); }
static inline int rnn_deflate_init_raw(z_stream *stream, int level) {
  return deflateInit2(stream, level, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
}
