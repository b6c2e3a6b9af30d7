package jobs_test

import (
	"fmt"
	"time"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
)

// A save as it travels: any program can write this message.
func ExampleEnvelope_Encode() {
	save := jobs.NewSave("person", "alice", manager.Operation{
		Op: manager.OpUpdate, ResourceID: "person:1", Data: []byte(`{"name":"Ada"}`),
	})
	save.ID, save.Time = "import-17", time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	message, err := save.Encode()
	fmt.Println(string(message), err)
	fmt.Println(jobs.Subject("default", save.Lane, save.Kind()))
	// Output:
	// {"schema":1,"id":"import-17","kind":"save","model":"person","user":"alice","time":"2026-03-01T08:00:00Z","lane":"normal","args":{"op":"update","resource_id":"person:1","data":{"name":"Ada"}}} <nil>
	// specstar.default.jobs.normal.save
}

// A message that is no job is refused with the field and the byte.
func ExampleDecode() {
	_, err := jobs.Decode([]byte(`{"schema":1,"kind":"save","model":"person","args":{"op":"update"}}`))
	fmt.Println(err)
	// Output:
	// args.resource_id at byte 65: is missing
}
