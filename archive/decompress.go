package archive

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

const (
	// maxRatio is how many times its compressed size an archive may have; more is
	// taken for a decompression bomb.
	maxRatio = 200
	// ratioSlack is what any compressed file may decompress to, in bytes.
	ratioSlack = 1 << 20
	// maxWindow bounds the memory a zstd frame may ask for, in bytes.
	maxWindow = 128 << 20
)

// errCompressed is wrapped by errors of the compressed form.
var errCompressed = errors.New("bad compressed data")

// counter counts the bytes read through it.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// decompressor reads plain bytes within the ratio.
type decompressor struct {
	plain      io.Reader
	compressed *counter
	read       int64
	close      func()
}

// newDecompressor returns a decompressor of r in the given form, which is
// "gzip" (of one or more members) or "zstd".
func newDecompressor(form string, r io.Reader) (*decompressor, error) {
	c := &counter{r: r}
	d := &decompressor{compressed: c, close: func() {}}
	if form == "gzip" {
		gz, err := gzip.NewReader(bufio.NewReaderSize(c, bufferBytes))
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errCompressed, err)
		}
		d.plain = gz
		return d, nil
	}
	z, err := zstd.NewReader(c, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errCompressed, err)
	}
	d.plain, d.close = z, z.Close
	return d, nil
}

// Read gives io.ErrUnexpectedEOF when the compressed data is cut off.
func (d *decompressor) Read(p []byte) (int, error) {
	n, err := d.plain.Read(p)
	d.read += int64(n)
	if d.read > ratioSlack+maxRatio*d.compressed.n {
		return 0, fmt.Errorf("%w: it expands to more than %d times its size: if you trust it, decompress it first", errCompressed, maxRatio)
	}
	if err == nil || err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return n, err
	}
	return n, fmt.Errorf("%w: %w", errCompressed, err)
}
