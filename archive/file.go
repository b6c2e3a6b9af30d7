package archive

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// File is an archive file opened for one pass from its beginning. Reading it
// gives the plain stream, whatever its form on disk.
type File struct {
	f     io.ReadCloser
	size  int64 // of a regular file, else -1
	form  string
	plain io.Reader
	d     *decompressor // nil when the file is not compressed
}

// OpenFile opens the archive at path: plain, gzip or zstd, told apart by their
// first bytes. A file that cannot be an archive gives an [*Error] that says
// what it seems to be; an empty one is left for the [Reader] to refuse.
func OpenFile(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open archive: %w", err)
	}
	file, err := newFile(f)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open archive %s: %w", path, err), f.Close())
	}
	return file, nil
}

func newFile(f *os.File) (*File, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, errors.New("it is a directory; name a file in it")
	}
	size := int64(-1)
	if info.Mode().IsRegular() {
		size = info.Size()
	}
	return begin(f, size)
}

// NewFile is [OpenFile] for an archive that is read from r, which the File closes. On
// an error r is left open.
func NewFile(r io.ReadCloser) (*File, error) { return begin(r, -1) }

// begin tells the form of an archive by its first bytes.
func begin(r io.ReadCloser, size int64) (*File, error) {
	file := &File{f: r, size: size}
	buffered := bufio.NewReaderSize(r, bufferBytes)
	head, err := buffered.Peek(magicBytes)
	if err != nil && err != io.EOF {
		return nil, err
	}
	file.plain = buffered
	switch {
	case bytes.HasPrefix(head, gzipMagic):
		file.form = "gzip"
	case bytes.HasPrefix(head, zstdMagic):
		file.form = "zstd"
	case len(head) > 0 && head[0] > DefaultFrameBytes>>24:
		return nil, &Error{Code: CodeCorrupt, Err: notArchive(head)}
	default:
		return file, nil
	}
	if file.d, err = newDecompressor(file.form, buffered); err != nil {
		return nil, &Error{Code: CodeCorrupt, Err: err}
	}
	file.plain = file.d
	return file, nil
}

// Compression is "gzip", "zstd" or, for a plain file, empty.
func (f *File) Compression() string { return f.form }

// Read reads the plain stream. Compressed data that is cut off ends with
// io.ErrUnexpectedEOF, which a [Reader] reports as truncated.
func (f *File) Read(p []byte) (int, error) { return f.plain.Read(p) }

// WriteTo writes the rest of the plain stream to w and returns how many bytes it has.
// What is wrong with the archive's compressed form is an [*Error].
func (f *File) WriteTo(w io.Writer) (int64, error) {
	n, err := io.Copy(w, f.plain)
	if err != nil {
		return n, spoolError(n, err)
	}
	return n, nil
}

// Close closes the file.
func (f *File) Close() error {
	if f.d != nil {
		f.d.close()
	}
	return f.f.Close()
}
