package payload_test

import (
	"fmt"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/resource/payload"
)

func ExampleCanonical() {
	p, err := payload.Canonical(resource.JSON, []byte(`{ "name": "caf\u00e9", "age": 7, "score": 1E2 }`))
	fmt.Println(string(p), err)
	// Output: {"name":"café","age":7,"score":100.0} <nil>
}

func ExampleExtract() {
	values, err := payload.Extract([]byte(`{"name":"x","address":{"city":"Taipei"}}`), []string{"address.city", "age"})
	fmt.Println(values["address.city"], values["age"], err)
	// Output: Taipei <nil> <nil>
}
