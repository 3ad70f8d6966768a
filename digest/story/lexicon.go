package story

import (
	_ "embed"
	"strconv"
	"strings"
	"sync"
)

//go:embed events.txt
var eventsText string

//go:embed senses.txt
var sensesText string

//go:embed common.txt
var commonText string

//go:embed plain.txt
var plainText string

// lexicon is what the two word lists say. It is never changed after loading.
type lexicon struct {
	kinds    []string           // names of the kinds of events
	exact    map[string][]uint8 // word → kinds
	prefix   map[string][]uint8 // beginning → kinds
	longest  int                // bytes of the longest beginning
	senses   *senses
	common   map[uint32]float32  // share of the articles of a newspaper that a word or sense stands in
	stop     map[string]language // languages in which it says nothing, all = 0xff
	place    map[string]bool     // a name after it is a place
	role     map[string]bool
	roleHead map[string]bool   // beginnings of role words
	number   map[string]string // "six" → "6"
	factor   map[string]int    // "hundred" → 100
}

// loadLexicon reads the embedded lists once.
var loadLexicon = sync.OnceValue(func() *lexicon {
	l := &lexicon{exact: map[string][]uint8{}, prefix: map[string][]uint8{}, stop: map[string]language{}, senses: newSenses(), common: map[uint32]float32{},
		place: map[string]bool{}, role: map[string]bool{}, roleHead: map[string]bool{}, number: map[string]string{}, factor: map[string]int{}}
	eachLine(eventsText, l.addKind)
	eachLine(sensesText, l.senses.add)
	eachLine(plainText, l.addPlain)
	eachLine(commonText, func(percent string, words []string) {
		share, _ := strconv.ParseFloat(percent, 32) // the list is ours; a test reads it
		for _, w := range words {
			l.common[hashOf(w)] = float32(share / 100)
		}
	})
	return l
})

// eachLine calls add with the first word of each line and the others.
func eachLine(text string, add func(string, []string)) {
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) > 1 && !strings.HasPrefix(f[0], "#") {
			add(f[0], f[1:])
		}
	}
}

func (l *lexicon) addKind(kind string, words []string) {
	id := -1
	for i, k := range l.kinds {
		if k == kind {
			id = i
		}
	}
	if id < 0 {
		id = len(l.kinds)
		l.kinds = append(l.kinds, kind)
	}
	for _, w := range words {
		if head, ok := strings.CutSuffix(w, "*"); ok {
			l.prefix[head] = append(l.prefix[head], uint8(id))
			l.longest = max(l.longest, len(head))
		} else {
			l.exact[w] = append(l.exact[w], uint8(id))
		}
	}
}

func (l *lexicon) addPlain(class string, words []string) {
	class, of, _ := strings.Cut(class, ":")
	for _, w := range words {
		head, open := strings.CutSuffix(w, "*")
		switch {
		case class == "stop":
			l.stop[w] |= languageOf(of)
		case class == "place":
			l.place[w] = true
		case class == "role" && open:
			l.roleHead[head] = true
		case class == "role":
			l.role[w] = true
		case class == "number":
			name, value, _ := strings.Cut(w, "=")
			l.number[name] = value
		case class == "factor":
			name, value, _ := strings.Cut(w, "=")
			l.factor[name], _ = strconv.Atoi(value) // the list is ours; a test reads it
		}
	}
}

// kindsOf lists the kinds of events a lower-case word speaks of.
func (l *lexicon) kindsOf(w string) []uint8 {
	out := l.exact[w]
	out = out[:len(out):len(out)]
	for i := range w {
		if i > 1 && i <= l.longest {
			out = append(out, l.prefix[w[:i]]...)
		}
	}
	if len(w) <= l.longest {
		out = append(out, l.prefix[w]...)
	}
	return out
}

func (l *lexicon) isRole(w string) bool {
	if l.role[w] {
		return true
	}
	for i := range w {
		if i > 3 && l.roleHead[w[:i]] {
			return true
		}
	}
	return l.roleHead[w]
}
