package check_test

import (
	"context"
	"fmt"

	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/check"
	"github.com/specstar-worker/worker/storage/memory"
)

// A program checks a kind of store; here only what it promises of models.
func ExampleRun() {
	open := func(context.Context, string) (storage.Factory, error) { return memory.New(), nil }
	report, err := check.Run(context.Background(), open, check.Options{
		Select: func(c check.Check) bool { return c.Guarantee() == 19 },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, o := range report.Outcomes() {
		for _, r := range o.Failed {
			fmt.Println(r.Name, "failed:", r.Message)
		}
		for _, r := range o.Skipped {
			fmt.Println(r.Name, "was skipped:", r.Message)
		}
	}
	fmt.Println("ok:", report.OK())
	// Output:
	// G19/store_id_stays_after_reopening was skipped: the store declares Traits.Durable false
	// ok: true
}
