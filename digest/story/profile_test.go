package story

import "testing"

func TestNumbersWrittenOut(t *testing.T) {
	p := newProfiler()
	for text, same := range map[string]string{
		"twenty-two sailors":  "22 sailors",
		"Thirty thousand ran": "30,000 ran",
		"two hundred men":     "200 men",
		"forty and 5 more":    "40 and 5 more",
	} {
		a, b := p.profile("", text), p.profile("", same)
		if len(a.terms) != len(b.terms) {
			t.Errorf("%q: got %d terms, want %d as in %q", text, len(a.terms), len(b.terms), same)
			continue
		}
		for i := range a.terms {
			if a.terms[i].hash != b.terms[i].hash {
				t.Errorf("%q and %q differ", text, same)
			}
		}
	}
}

func TestLexicon(t *testing.T) {
	l := loadLexicon()
	for word, kind := range map[string]string{"earthquake": "quake", "загорелся": "", "пожара": "fire", "زلزلے": "quake", "festgenommen": "arrest", "derailed": "crash"} {
		found := kind == ""
		for _, k := range l.kindsOf(word) {
			found = found || l.kinds[k] == kind
		}
		if !found {
			t.Errorf("%s: not of kind %s", word, kind)
		}
	}
	if len(l.kinds) > 250 || l.factor["hundred"] != 100 || l.number["six"] != "6" || l.stop["the"] == 0 || !l.isRole("ministers") {
		t.Error("the lists were not read as they are meant")
	}
}

func FuzzAdd(f *testing.F) {
	f.Add("Ferry back", "The ferry to Pell Island, twenty-two sailors, 300,000 crowns.", "北港大桥坍塌")
	// An article joins its own copy and nothing breaks, whatever it is made of.
	f.Fuzz(func(t *testing.T, title, text, other string) {
		docs := []Doc{{ID: "a", Title: title, Text: text, Published: monday}, {ID: "b", Title: title, Text: text, Published: monday}, {ID: "c", Title: other, Text: other}}
		got := Cluster(docs)
		if len(got) != 3 || len(shingles(words(text, maxWords, nil))) >= minShared && got["a"].Story != got["b"].Story {
			t.Fatalf("got %v", got)
		}
		NewRelated(docs).To(docs[0], 2)
	})
}
