package main

import (
	"math/rand/v2"
	"reflect"
	"testing"
)

// plainLines are lines of the usual form, oddLines others that are right or wrong.
var (
	plainLines = []string{
		`{"op":"create","resource_id":"doc:1","user":"ann","data":{"n":1,"s":"é\n\u00e9😀","a":[1,-2.5e3,true,null,{}]}}`,
		` { "op" : "upsert" , "resource_id" : "doc:1" , "data" : [ 1 , 2 ] , "time" : "2026-03-01T08:00:00.123456+08:00" , "order" : 7 } `,
		`{"op":"switch","resource_id":"a\"b\\c\u0041","revision_id":"doc:1:2","expected_revision_id":"doc:1:1","order":"none","id":"job-1","status":"draft"}`,
		`{"data":"text","op":"modify"}`,
		`{"data":12.50,"op":"modify"}`,
		`{}`,
	}
	oddLines = []string{
		`{"op":"create","op":"update"}`, `{"OP":"create"}`, `{"op":null,"data":null}`, `{"op":1}`, `{"more":1}`, `{"op":"a"} {}`, `{"op":"a"}x`,
		`{"op":"a",}`, `{"data":{"a":01}}`, `{"data":[1,]}`, "{\"op\":\"\xff\"}", "{\"op\":\"a\x01\"}", `{"op":"\ud800"}`, `{"time":"now"}`, `{"time":1}`,
		`{"order":"some"}`, `{"order":1.5}`, `{"order":99999999999999999999}`, `[]`, `null`, `"a"`, ``, `{`, `{"data":`, `{"op":"a" "id":"b"}`, `{"data":tru}`,
		`{"data":+1}`, `{"data":1.}`, `{"data":"\x"}`, `{"data":{"a"}}`, `{"data":[[[]}]}`,
	}
)

// checkPlain compares a line that is read as a plain one with what encoding/json makes of it.
func checkPlain(t *testing.T, text string) (plain bool) {
	t.Helper()
	have, plain := plainLine([]byte(text))
	if !plain {
		return false
	}
	want, err := anyLine([]byte(text))
	if err != nil {
		t.Fatalf("%q was read, and is wrong: %v", text, err)
	}
	if !have.Time.Equal(want.Time) {
		t.Fatalf("%q: time %s instead of %s", text, have.Time, want.Time)
	}
	have.Time = want.Time
	if !reflect.DeepEqual(have, want) {
		t.Fatalf("%q:\n%+v instead of\n%+v", text, have, want)
	}
	return true
}

// TestPlainLinesAreReadAsOthersAre: the quick way gives what encoding/json gives, or
// leaves the line to it; also lines of which a byte was changed, left out or repeated.
func TestPlainLinesAreReadAsOthersAre(t *testing.T) {
	for _, text := range plainLines {
		if !checkPlain(t, text) {
			t.Errorf("%s was not read as a plain line", text)
		}
	}
	for _, text := range oddLines {
		if checkPlain(t, text) {
			t.Logf("%q is plain, too", text)
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	const bytesInJSON = `{}[]":,\ntrue falsenull0123456789.-+eEuaé` + "\x00\x1f\xff\t"
	read := 0
	for range 200_000 {
		b := []byte(plainLines[r.IntN(len(plainLines)-1)])
		for range 1 + r.IntN(2) {
			switch i := r.IntN(len(b)); r.IntN(3) {
			case 0:
				b[i] = bytesInJSON[r.IntN(len(bytesInJSON))]
			case 1:
				b = append(b[:i], b[i+1:]...)
			default:
				b = append(b[:i+1], b[i:]...)
			}
		}
		if checkPlain(t, string(b)) {
			read++
		}
	}
	if read < 10_000 {
		t.Errorf("only %d changed lines were read", read)
	}
}
