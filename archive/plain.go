package archive

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// Plain is an archive whose plain bytes can be read at any offset.
type Plain struct {
	f    *os.File
	size int64
	temp bool
}

// Plain returns f at any offset: f itself when it is a plain regular file, else
// a copy of the plain stream in a temporary file below dir, which
// [Plain.Close] removes. f must not have been read yet; it must not be used
// afterwards, and not be closed unless Plain failed.
func (f *File) Plain(dir string) (*Plain, error) {
	if f.form == "" && f.size >= 0 {
		return &Plain{f: f.f.(*os.File), size: f.size}, nil // only a file's size is known
	}
	temp, err := os.CreateTemp(dir, "archive-*.acbak")
	if err != nil {
		return nil, fmt.Errorf("make room for the plain archive: %w", err)
	}
	p := &Plain{f: temp, temp: true}
	if p.size, err = f.WriteTo(temp); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	if err := f.Close(); err != nil {
		return nil, errors.Join(fmt.Errorf("close archive: %w", err), p.Close())
	}
	return p, nil
}

// spoolError says what an error behind n plain bytes means for the archive.
func spoolError(n int64, err error) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &Error{Code: CodeTruncated, Offset: n, Err: fmt.Errorf("the compressed file is cut off: %w", err)}
	case errors.Is(err, errCompressed):
		return &Error{Code: CodeCorrupt, Offset: n, Err: err}
	}
	return fmt.Errorf("decompress archive: %w", err)
}

// ReadAt reads plain bytes at an offset.
func (p *Plain) ReadAt(b []byte, off int64) (int, error) { return p.f.ReadAt(b, off) }

// Size is the number of plain bytes.
func (p *Plain) Size() int64 { return p.size }

// Name is the path of the file that holds the plain bytes.
func (p *Plain) Name() string { return p.f.Name() }

// Close closes the file and removes it if it was a copy.
func (p *Plain) Close() error {
	err := p.f.Close()
	if p.temp {
		err = errors.Join(err, os.Remove(p.f.Name()))
	}
	return err
}
