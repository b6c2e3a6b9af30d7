package archive_test

import (
	"fmt"
	"os"

	"github.com/specstar-worker/worker/archive"
)

// An archive may be compressed; the reader does not notice.
func Example() {
	f, err := archive.OpenFile("testdata/big_2000.acbak.gz")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	metas, revisions := 0, 0
	for rec, err := range archive.NewReader(f, archive.Limits{}).Records() {
		if err != nil {
			fmt.Println(err)
			return
		}
		switch rec := rec.(type) {
		case archive.ModelStart:
			fmt.Println("model", rec.Model)
		case archive.Meta:
			metas++
		case archive.Revision:
			revisions++
		}
	}
	fmt.Println(metas, "resources,", revisions, "revisions")
	// Output:
	// model item
	// 2000 resources, 3999 revisions
}

// An error names the first byte of the bad frame.
func ExampleError() {
	f, err := os.Open("testdata/variants/trunc_payload.acbak")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	for _, err := range archive.NewReader(f, archive.Limits{}).Records() {
		if err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// archive at byte 1505: bad frame: the input ends inside it (archive_truncated)
}
