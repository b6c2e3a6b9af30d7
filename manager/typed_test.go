package manager_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/resource/model"
	"github.com/specstar-worker/worker/storage/memory"
)

type geo struct{ Lat, Lon float64 }

type address struct {
	City string
	Zip  string
	Geo  *geo
}

// person is the golden person.
type person struct {
	Name    string `specstar:",index"`
	Age     int    `specstar:",index"`
	Email   *string
	Tags    []string           `specstar:",default=[]"`
	Address *address           `json:"address,omitempty"`
	Born    *time.Time         `specstar:",date"`
	Scores  map[string]float64 `specstar:",default={}"`
	Level   string             `specstar:",index,enum=low|mid|high,default=\"low\""`
}

type salesOrder struct {
	Number string `specstar:",index"`
	Lines  []orderLine
	Placed time.Time
	Ref    uuid.UUID
	Took   *time.Duration
	At     *string `specstar:",time"`
	Blob   []byte  `specstar:",default=\"\""`
	Note   *string
}

type orderLine struct {
	SKU   string `specstar:"sku"`
	Qty   int
	Price model.Decimal
}

// TestTypedPayloadsAreTheGoldenOnes reads every golden payload of a Go type's model
// into the type and saves it again: the bytes are those of the original.
func TestTypedPayloadsAreTheGoldenOnes(t *testing.T) {
	s := openMemory(t)
	s.load(t, testdata(t, "small.acbak"), manager.LoadOptions{})
	t.Run("person", func(t *testing.T) { sameBytes[person](t, s, "person", "") })
	t.Run("sales-order", func(t *testing.T) { sameBytes[salesOrder](t, s, "sales-order", resource.Msgpack) })
}

func sameBytes[T any](t *testing.T, from *store, name string, enc resource.Encoding) {
	typed, err := manager.For[T](t.Context(), openMemory(t).Catalog, model.TypedOptions{Name: name, Encoding: enc})
	if err != nil {
		t.Fatal(err)
	}
	source := from.open(t, name)
	reader, err := manager.For[T](t.Context(), from.Catalog, model.TypedOptions{Name: name, Encoding: enc})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, id := range ids(t, from, name) {
		for info, err := range source.Revisions(t.Context(), id) {
			if err != nil {
				t.Fatal(err)
			}
			o := manager.GetOptions{Revision: info.RevisionID, IncludeDeleted: true}
			was, err := source.Get(t.Context(), id, o)
			if err != nil {
				t.Fatal(err)
			}
			value, err := reader.Get(t.Context(), id, o)
			if err != nil {
				t.Fatal(err)
			}
			n++
			copied := numbered(n)
			if _, err := typed.Create(t.Context(), copied, value.Data); err != nil {
				t.Fatalf("%s: %v", info.RevisionID, err)
			}
			now, err := typed.Manager().Get(t.Context(), copied, manager.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if string(now.Data) != string(was.Data) || now.Info.DataHash != was.Info.DataHash {
				t.Errorf("%s: saved as\n%q, the original stored\n%q", info.RevisionID, now.Data, was.Data)
			}
		}
	}
	if n < 2 {
		t.Fatalf("only %d payloads", n)
	}
}

// everything has a field of each type.
type everything struct {
	Str    string
	Bool   bool
	Int    int64
	Uint   uint8
	Float  float64
	When   time.Time
	Day    time.Time `specstar:",date"`
	Took   time.Duration
	ID     uuid.UUID
	Bytes  []byte
	Price  model.Decimal
	File   *resource.Binary
	List   []int
	Set    []string `specstar:",set"`
	Map    map[string][]bool
	Nested address
	Many   []address
	Maybe  *int
	Any    any
	Raw    json.RawMessage
	Skip   string `specstar:"-"`
}

func TestTypedValuesGoThereAndBack(t *testing.T) {
	seven := 7
	v := everything{
		Str: "é\x00", Bool: true, Int: -1 << 62, Uint: 255, Float: 1,
		When: time.Date(2024, 3, 1, 8, 0, 0, 123456000, time.UTC), Day: time.Date(1969, 7, 20, 0, 0, 0, 0, time.UTC),
		Took: -90*time.Minute - time.Microsecond, ID: uuid.MustParse("00000000-0000-4000-8000-000000000001"), Bytes: []byte{0, 255}, Price: "19.990",
		List: []int{3, 1}, Set: []string{"a", "b"}, Map: map[string][]bool{"y": {true}, "x": {}},
		Nested: address{City: "Oslo", Geo: &geo{59.9, 10.75}}, Many: []address{{City: "a"}}, Maybe: &seven,
		Any: map[string]any{"k": []any{"v", nil}}, Raw: json.RawMessage(`{"z":1.0,"a":2}`),
	}
	for _, enc := range []resource.Encoding{resource.JSON, resource.Msgpack} {
		eachStore(t, func(t *testing.T, open opener) {
			typed, err := manager.For[everything](t.Context(), open(t).Catalog, model.TypedOptions{Encoding: enc})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := typed.Create(t.Context(), "x:1", v); err != nil {
				t.Fatal(err)
			}
			got, err := typed.Get(t.Context(), "x:1", manager.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			want := v
			want.Raw = json.RawMessage(`{"a":2,"z":1.0}`) // keys of any value are sorted
			if diff := cmp.Diff(want, got.Data, cmp.Comparer(func(a, b opt.Value[string]) bool { return a == b })); diff != "" {
				t.Errorf("%s: %s", enc, diff)
			}
		})
	}
}

func TestTypesThatCannotBeDeclared(t *testing.T) {
	type holdsItself struct{ Next *holdsItself }
	for name, try := range map[string]struct {
		of   func(context.Context, *manager.Catalog) error
		says string
	}{
		"no struct":    {forType[int], "not a struct"},
		"no fields":    {forType[struct{ hidden int }], "no exported fields"},
		"a channel":    {forType[struct{ C chan int }], "chan int"},
		"integer keys": {forType[struct{ M map[int]string }], "keys must be strings"},
		"an unknown tag": {forType[struct { //nolint:govet // wrong on purpose
			S string `specstar:",indexed"`
		}], "indexed"},
		"a bad default": {forType[struct {
			S string `specstar:",default=low"`
		}], "not JSON"},
		"a default of another type": {forType[struct {
			N int `specstar:",default=\"x\""`
		}], "n"},
		"a date of a number": {forType[struct {
			N int `specstar:",date"`
		}], "cannot be a date"},
		"itself": {forType[holdsItself], "holds itself"},
	} {
		err := try.of(t.Context(), openMemory(t).Catalog)
		if err == nil || !strings.Contains(err.Error(), try.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func forType[T any](ctx context.Context, c *manager.Catalog) error {
	_, err := manager.For[T](ctx, c, model.TypedOptions{Name: "x"})
	return err
}

func TestTypedSearchAndSaveMany(t *testing.T) {
	typed, err := manager.For[person](t.Context(), openMemory(t).Catalog, model.TypedOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var people []person
	var ids []resource.ID
	for i := range 5 {
		ids = append(ids, resource.ID(fmt.Sprint("person:", i)))
		people = append(people, person{Name: fmt.Sprint("n", i), Age: i, Level: "mid"})
	}
	out, err := typed.Using(manager.Scope{User: "ann"}).SaveMany(t.Context(), ids, people)
	if err != nil || len(out) != 5 || out[4].Effect != manager.EffectCreated {
		t.Fatal(out, err)
	}
	var names []string
	for r, err := range typed.Search(t.Context(), qb.Where(qb.Data("age").Gt(1)).OrderBy(qb.Data("age").Desc())) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, r.Data.Name+" by "+r.Meta.CreatedBy)
	}
	if diff := cmp.Diff([]string{"n4 by ann", "n3 by ann", "n2 by ann"}, names); diff != "" {
		t.Error(diff)
	}
	_, err = typed.Create(t.Context(), "person:9", person{Name: "x", Level: "top"})
	if code, _ := manager.CodeOf(err); code != manager.CodeInvalid || !strings.Contains(err.Error(), "level") {
		t.Errorf("a value that the enum lacks: %v", err)
	}
	if _, err := typed.SaveMany(t.Context(), ids[:2], people); err == nil {
		t.Error("fewer ids than values were taken")
	}
}

func ExampleFor() {
	ctx := context.Background()
	type Note struct {
		Title string `specstar:",index"`
		Text  string
		Tags  []string
	}
	catalog := manager.NewCatalog(memory.New(), nil, manager.Options{})
	notes, err := manager.For[Note](ctx, catalog, model.TypedOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := notes.Using(manager.Scope{User: "ann"}).Create(ctx, "note:1", Note{Title: "first", Text: "hello"}); err != nil {
		fmt.Println(err)
		return
	}
	note, err := notes.Get(ctx, "note:1", manager.GetOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(note.Meta.CurrentRevisionID, note.Meta.CreatedBy, note.Data.Text)
	// Output: note:1:1 ann hello
}
