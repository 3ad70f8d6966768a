package summary

import (
	"slices"
	"testing"
)

func TestIntroduced(t *testing.T) {
	s := NewStudy(Doc{Language: "en", Title: "Lamp goes dark", Text: `Keeper Ines Falk has run the lighthouse for thirty years. The lamp goes dark in March. "I would rather not watch," Falk said. "It is only a lamp," Mayor Ruth Moss said. Police said nobody climbed the tower. "It was far too cold that night," he said.`}, Options{})
	if s.Candidates[5].Flaws&Dangles == 0 {
		t.Error("a quotation of “he said” can stand without the sentence before it")
	}
	for _, c := range []struct {
		set  []int
		want bool
	}{{[]int{1, 2}, false}, {[]int{0, 2}, true}, {[]int{0, 1, 2}, true}, {[]int{1, 3}, true}, {[]int{1, 4}, true}, {[]int{0, 5}, false}, {[]int{4, 5}, true}} {
		if got := s.introduced(c.set); got != c.want {
			t.Errorf("sentences %v: introduced is %v, want %v", c.set, got, c.want)
		}
	}
}

// A last name alone is a stranger, whatever he does; places and firms whose whole
// name is one word are none.
func TestMentions(t *testing.T) {
	s := NewStudy(Doc{Language: "en", Title: "Lamp goes dark", Text: `Keeper Ines Falk has run the lighthouse of Corran for thirty years. Last year Falk climbed the tower once more. The people of Corran waved. Norvik paid for the lamp. Her neighbours thanked Norvik and gave Falk a clock.`}, Options{})
	for i, want := range [][]int{nil, {0}, nil, nil, {0, 1}} {
		if got := s.mentions(i); !slices.Equal(got, want) {
			t.Errorf("%q: met in %v, want %v", s.Candidates[i].Text, got, want)
		}
	}
}

// What takes up what was told does not come first, and "he" is none of the police.
func TestOpeners(t *testing.T) {
	s := NewStudy(Doc{Language: "en", Text: `The harbour of Corran will close for the whole of March. The decision has angered fishermen. Police have said he fired two shots. Only in this way can Corran be reborn. Officials said Ines Falk lost her lamp.`}, Options{})
	for i, want := range []Flaw{0, Later, Loose, Dangles, 0} {
		if got := s.Candidates[i].Flaws; got != want {
			t.Errorf("%q: flaws %b, want %b", s.Candidates[i].Text, got, want)
		}
	}
	if s.stands([]int{1}, 0) || !s.stands([]int{0, 1}, 0) {
		t.Error("“The decision” stands first, or not behind its news")
	}
}
