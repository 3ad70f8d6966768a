package story

import (
	"strings"
	"testing"
	"time"
)

var monday = time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)

const ferry = `The ferry to the northern islands will run again from Tuesday morning, the harbour office said, after a storm
had kept all eleven boats in port for three days. Engineers checked the landing stages on Sunday and found two of them damaged,
but safe enough for foot passengers. Lorries have to wait until Friday. Shops on the islands had begun to run out of bread and
fuel, and the council had asked the navy for help. "We are glad that nobody was hurt," said the mayor.`

func TestCopiesAreOneStory(t *testing.T) {
	var x Index
	cut := "HARBOUR TOWN (Wire) - " + ferry[:len(ferry)/2] + " Reporting by our correspondent."
	for _, c := range []struct {
		doc  Doc
		want string
	}{
		{Doc{ID: "a", Title: "Ferry runs again", Text: ferry, Published: monday}, "a"},
		{Doc{ID: "b", Title: "Island boats return", Text: cut, Published: monday.Add(time.Hour)}, "a"},
		{Doc{ID: "c", Title: "Ferry runs again", Text: ferry, Published: monday.Add(80 * time.Hour)}, "c"},
		{Doc{ID: "b", Title: "Island boats return (updated)", Text: cut, Published: monday.Add(2 * time.Hour)}, "a"},
	} {
		got, why := x.Add(c.doc)
		if got != c.want || (got != c.doc.ID) != (why != "") {
			t.Errorf("%s: got story %q (%s), want %q", c.doc.ID, got, why, c.want)
		}
	}
}

func TestReplayJSON(t *testing.T) {
	in := `{"id":"2","title":"B","text":"nothing alike","published":"2026-11-23T08:00:00Z"}
{"id":"1","title":"A","text":"` + strings.ReplaceAll(strings.ReplaceAll(ferry, "\n", " "), `"`, `\"`) + `","url":"https://a.example/1"}`
	var out strings.Builder
	if err := ReplayJSON(strings.NewReader(in), &out); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "{\"id\":\"2\",\"story\":\"2\"}\n{\"id\":\"1\",\"story\":\"1\"}\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if err := ReplayJSON(strings.NewReader("{"), &out); err == nil {
		t.Error("half a line: got no error")
	}
}
