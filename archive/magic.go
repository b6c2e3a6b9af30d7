package archive

import (
	"bytes"
	"fmt"
)

// magicBytes is how much of a file [describe] wants to see.
const magicBytes = 16

var (
	gzipMagic = []byte{0x1f, 0x8b}
	zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}
)

// magics are the beginnings of files that are taken for archives by mistake.
var magics = []struct {
	prefix []byte
	what   string
}{
	{gzipMagic, "gzip data (decompress it first, or open it as a file)"},
	{zstdMagic, "zstd data (decompress it first, or open it as a file)"},
	{[]byte("PK"), "a ZIP file"},
	{[]byte("SQLite format 3"), "a SQLite database (name its directory as the store instead)"},
	{[]byte("BZh"), "bzip2 data (decompress it first)"},
	{[]byte("\xfd7zXZ"), "xz data (decompress it first)"},
	{[]byte("{"), "JSON"},
	{[]byte("["), "JSON"},
	{[]byte("--"), "SQL or other text"},
}

// notArchive is the error for input that does not begin with a frame.
func notArchive(head []byte) error {
	return fmt.Errorf("%w: this is %s, not an archive", errFrame, describe(head))
}

// describe names what a file beginning with head seems to be.
func describe(head []byte) string {
	for _, m := range magics {
		if bytes.HasPrefix(head, m.prefix) {
			return m.what
		}
	}
	for _, c := range head {
		if c < 0x20 && c != '\n' && c != '\r' && c != '\t' {
			return fmt.Sprintf("unknown data beginning with % x", head)
		}
	}
	return fmt.Sprintf("text beginning with %q", head)
}
