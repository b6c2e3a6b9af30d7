package msgpack_test

import (
	"testing"

	"github.com/specstar-worker/worker/internal/msgpack"
)

// FuzzMsgpack checks that the three ways over a value agree about where it ends
// and that Check and Value accept the same input.
func FuzzMsgpack(f *testing.F) {
	for _, form := range []string{
		"c0", "93 01 a161 c40162", "82 a161 01 a162 d6ff65937d25", "d7ff 00000fa0 65937d25", "dc0001ca3fc00000", "df00000001a161cf8000000000000000",
	} {
		f.Add(unhex(f, form))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		check, value, skip := msgpack.NewReader(b), msgpack.NewReader(string(b)), msgpack.NewReader(b)
		_, checkErr := check.Check()
		_, valueErr := value.Value()
		if (checkErr == nil) != (valueErr == nil) {
			t.Fatalf("Check says %v, Value says %v", checkErr, valueErr)
		}
		if checkErr != nil {
			if checkErr.Error() != valueErr.Error() {
				t.Fatalf("Check says %v, Value says %v", checkErr, valueErr)
			}
			return
		}
		if err := skip.Skip(); err != nil || skip.Offset() != check.Offset() || check.Offset() != value.Offset() {
			t.Fatalf("Skip says %v at %d, Check %d, Value %d", err, skip.Offset(), check.Offset(), value.Offset())
		}
	})
}
