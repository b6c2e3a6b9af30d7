package resource_test

import (
	"fmt"

	"github.com/specstar-worker/worker/resource"
)

// Indexed data is kept in its canonical bytes; a value is decoded when asked for.
func ExampleIndexed() {
	x, err := resource.NewIndexed(map[string]any{"name": "Ada", "age": 36, "tags": []any{"a", "b"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	age, _ := x.Lookup("age")
	fmt.Println(age)
	fmt.Printf("%s\n", x.AppendJSON(nil))
	// Output:
	// 36
	// {"age":36,"name":"Ada","tags":["a","b"]}
}
