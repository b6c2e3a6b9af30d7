package model_test

import (
	"testing"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/resource/model"
	"github.com/specstar-worker/worker/resource/payload"
)

const benchModel = `{"name":"doc","fields":[
{"name":"name","type":"str"},{"name":"age","type":"int"},{"name":"big","type":"int"},{"name":"w","type":"float"},{"name":"on","type":"bool"},
{"name":"none","type":"str?","default":null},{"name":"address","type":"struct","fields":[{"name":"city","type":"str"},{"name":"geo","type":"struct","fields":[{"name":"lat","type":"float"}]}]},
{"name":"tags","type":"list[any]"},{"name":"ab","type":"int"},{"name":"age2","type":"map[int]"}]}`

const benchText = `{"name":"x","age":7,"big":18446744073709551615,"w":1.0,"on":true,"none":null,` +
	`"address":{"city":"Taipei","geo":{"lat":25.5}},"tags":["a",{"b":[1,[]]}],"ab":1,"age2":{"age":9}}`

const benchJumbled = `{"age":7,"name":"x","big":18446744073709551615,"w":1.0,"age2":{"age":9},"on":true,` +
	`"address":{"geo":{"lat":25.5},"city":"Taipei"},"tags":["a",{"b":[1,[]]}],"ab":1}`

func BenchmarkCanonical(b *testing.B) {
	d, err := model.ParseJSON([]byte(benchModel))
	if err != nil {
		b.Fatal(err)
	}
	m, err := model.Compile(d)
	if err != nil {
		b.Fatal(err)
	}
	for _, enc := range []resource.Encoding{resource.JSON, resource.Msgpack} {
		for name, text := range map[string]string{"in order": benchText, "jumbled": benchJumbled} {
			run := func(name string, canonical func(resource.Encoding, []byte) ([]byte, error)) {
				b.Run(name, func(b *testing.B) {
					b.SetBytes(int64(len(text)))
					b.ReportAllocs()
					for b.Loop() {
						if _, err := canonical(enc, []byte(text)); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
			run(string(enc)+"/"+name+"/declared", m.Canonical)
			run(string(enc)+"/"+name+"/by name", payload.Canonical)
		}
	}
}
