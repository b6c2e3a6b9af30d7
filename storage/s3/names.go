package s3

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/specstar-worker/worker/storage"
)

// maxKey is how long a key of S3 may be, in bytes.
const maxKey = 1024

// checkSegment refuses what cannot be one part of a key between two "/". With that
// no key leads into another: services over file systems cannot hold "a" beside "a/b".
func checkSegment(kind, s string) error {
	if strings.ContainsRune(s, '/') {
		return unusable(kind, s, `contains a "/", which separates the parts of keys`)
	}
	return checkKeyPart(kind, s)
}

// checkKeyPart refuses what cannot be a part of a key: parts that clients, proxies
// and file systems resolve, and characters that a listing, which is XML, cannot hold.
func checkKeyPart(kind, s string) error {
	switch {
	case s == "":
		return unusable(kind, s, "is empty")
	case len(s) > maxKey:
		return fmt.Errorf("%s of %d bytes is longer than a key may be, %d: %w", kind, len(s), maxKey, storage.ErrUnusableName)
	case !utf8.ValidString(s):
		return unusable(kind, s, "is not UTF-8")
	case strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 || r == 0x7f || r == 0xfffe || r == 0xffff }):
		return unusable(kind, s, "contains a control character")
	}
	for part := range strings.SplitSeq(strings.TrimSuffix(s, "/"), "/") {
		if part == "" || part == "." || part == ".." {
			return unusable(kind, s, `has a part that is empty, "." or ".."`)
		}
	}
	return nil
}

func unusable(kind, s, why string) error {
	return fmt.Errorf("%s %q cannot be in a key of S3: it %s: %w", kind, s, why, storage.ErrUnusableName)
}
