package summary

import "testing"

func TestIntroduced(t *testing.T) {
	s := NewStudy(Doc{Language: "en", Title: "Lamp goes dark", Text: `Keeper Ines Falk has run the lighthouse for thirty years. The lamp goes dark in March. "I would rather not watch," Falk said. "It is only a lamp," Mayor Ruth Moss said. Police said nobody climbed the tower. "It was far too cold that night," he said.`}, Options{})
	for _, c := range []struct {
		set  []int
		want bool
	}{{[]int{1, 2}, false}, {[]int{0, 2}, true}, {[]int{0, 1, 2}, true}, {[]int{1, 3}, true}, {[]int{1, 4}, true}, {[]int{0, 5}, false}, {[]int{4, 5}, true}} {
		if got := s.introduced(c.set); got != c.want {
			t.Errorf("sentences %v: introduced is %v, want %v", c.set, got, c.want)
		}
	}
}
