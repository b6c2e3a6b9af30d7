package s3test

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"io"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
)

// maxUpload bounds one request's body, which is kept in memory.
const maxUpload = 64 << 20

// checksums are those that S3 verifies, by their header.
var checksums = map[string]func() hash.Hash{
	"X-Amz-Checksum-Crc32":     func() hash.Hash { return crc32.NewIEEE() },
	"X-Amz-Checksum-Crc32c":    func() hash.Hash { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) },
	"X-Amz-Checksum-Crc64nvme": func() hash.Hash { return crc64.New(crc64.MakeTable(0x9a6c9329ac4bc9b5)) },
	"X-Amz-Checksum-Sha1":      sha1.New,
	"X-Amz-Checksum-Sha256":    sha256.New,
}

// receive reads the body of a request, takes it out of the chunks in which some
// clients send it, and verifies its checksums. The request has a plain body
// afterwards. An answer means that it is refused.
func receive(r *http.Request) (*answer, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxUpload+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxUpload {
		return &answer{http.StatusBadRequest, "EntityTooLarge"}, nil
	}
	sums := r.Header
	if strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
		var trailers http.Header
		if body, trailers, err = unchunk(body); err != nil {
			return &answer{http.StatusBadRequest, "IncompleteBody"}, nil
		}
		sums = trailers
		r.Header.Del("X-Amz-Content-Sha256")
	}
	// The header with the length is what the server behind this one goes by.
	r.ContentLength = int64(len(body))
	r.Header.Set("Content-Length", strconv.Itoa(len(body)))
	r.Body = io.NopCloser(bytes.NewReader(body))
	for name, new := range checksums {
		if sum := sums.Get(name); sum != "" && sum != checksum(new(), body) {
			return &answer{http.StatusBadRequest, "BadDigest"}, nil
		}
	}
	return nil, nil
}

func checksum(h hash.Hash, body []byte) string {
	h.Write(body)
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// unchunk decodes the content encoding aws-chunked: chunks of "SIZE[;signature]",
// the last one empty, and then trailers.
func unchunk(b []byte) (body []byte, trailers http.Header, err error) {
	r := bufio.NewReader(bytes.NewReader(b))
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return nil, nil, err
		}
		digits, _, _ := strings.Cut(strings.TrimSpace(line), ";")
		size, err := strconv.ParseInt(digits, 16, 64)
		if err != nil || size < 0 || size > maxUpload {
			return nil, nil, fmt.Errorf("size of a chunk: %q", line)
		}
		if size == 0 {
			break
		}
		chunk := make([]byte, size+2)
		if _, err := io.ReadFull(r, chunk); err != nil {
			return nil, nil, err
		}
		body = append(body, chunk[:size]...)
	}
	header, err := textproto.NewReader(r).ReadMIMEHeader()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, err
	}
	return body, http.Header(header), nil
}
