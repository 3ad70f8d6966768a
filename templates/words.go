package templates

import (
	"embed"
	"fmt"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"golang.org/x/text/language"
)

//go:embed words/*.toml
var wordFiles embed.FS

// Vocabulary is what mails and pages say in one language: its words, digits,
// plural forms and the way it writes dates. [Words] returns it; it is read only.
type Vocabulary struct {
	Language  string `toml:"-"`         // BCP 47: "en"
	Name      string `toml:"name"`      // in the language itself
	Direction string `toml:"direction"` // ltr | rtl

	Calendar Calendar                     `toml:"calendar"`
	Numbers  Numbers                      `toml:"numbers"`
	Labels   map[string]string            `toml:"labels"`   // by Story.Label
	Sections map[string]string            `toml:"sections"` // by Section.Kind; "bydate" = nothing is trending
	Counts   map[string]map[string]string `toml:"count"`    // noun → CLDR plural category → phrase with {n}
	Phrases  map[string]string            `toml:"say"`      // key → phrase with {names}
	Lists    Lists                        `toml:"list"`
}

// Lists is how a language lists the titles of newsletters.
type Lists struct {
	Between string `toml:"between"`
	Last    string `toml:"last"` // in place of Between before the last one
}

// Numbers is how a language writes numbers.
type Numbers struct {
	Digits string `toml:"digits"` // ten digits, CLDR's default numbering system
	Group  string `toml:"group"`  // between thousands
}

// Languages lists the languages that have words, as BCP 47 tags.
func Languages() []string { return []string{"en", "ur", "ru"} }

var vocabularies = readVocabularies()

func readVocabularies() map[string]*Vocabulary {
	all := map[string]*Vocabulary{}
	for _, lang := range Languages() {
		v, err := readVocabulary(lang)
		if err != nil {
			panic(err) // the files are part of the program
		}
		all[lang] = v
	}
	american := *all["en"]
	american.Language = "en-US"
	american.Calendar.Full, american.Calendar.Long, american.Calendar.Short = "EEEE, MMMM d, y", "MMMM d, y", "MMM d"
	american.Calendar.AM, american.Calendar.PM = "AM", "PM"
	all["en-US"] = &american
	return all
}

func readVocabulary(lang string) (*Vocabulary, error) {
	b, err := wordFiles.ReadFile("words/" + lang + ".toml")
	if err != nil {
		return nil, fmt.Errorf("read the words of %s: %w", lang, err)
	}
	v := &Vocabulary{Language: lang}
	if err := toml.NewDecoder(strings.NewReader(string(b))).DisallowUnknownFields().Decode(v); err != nil {
		return nil, fmt.Errorf("read the words of %s: %w", lang, err)
	}
	return v, nil
}

// Words returns the vocabulary of a BCP 47 language, or of the nearest one that
// has words (an unknown language gets English). It never returns nil.
func Words(lang string) *Vocabulary {
	if v, ok := vocabularies[lang]; ok {
		return v
	}
	tag, err := language.Parse(lang)
	if err != nil {
		return vocabularies["en"]
	}
	base, _ := tag.Base()
	if region, sure := tag.Region(); base.String() == "en" && region.String() == "US" && sure == language.Exact {
		return vocabularies["en-US"]
	}
	if v, ok := vocabularies[base.String()]; ok {
		return v
	}
	return vocabularies["en"]
}

// Say returns the phrase of key with names filled in: Say("mail.why",
// "brand", "The Courier"). A value that runs against the language's direction
// is isolated (Unicode TR 9). A missing key comes back as itself; a test makes
// sure that no template uses one.
func (v *Vocabulary) Say(key string, pairs ...string) string {
	phrase, ok := v.Phrases[key]
	if !ok {
		return key
	}
	return v.fill(phrase, pairs)
}

func (v *Vocabulary) fill(phrase string, pairs []string) string {
	if len(pairs) == 0 {
		return phrase
	}
	var replace []string
	for i := 0; i+1 < len(pairs); i += 2 {
		replace = append(replace, "{"+pairs[i]+"}", Isolate(pairs[i+1], v.Direction))
	}
	return strings.NewReplacer(replace...).Replace(phrase)
}

// List names several newsletters in one phrase: "Morning Digest and Weekend".
func (v *Vocabulary) List(titles []string) string {
	if len(titles) < 2 {
		return strings.Join(titles, "")
	}
	last := len(titles) - 1
	return strings.Join(titles[:last], v.Lists.Between) + v.Lists.Last + titles[last]
}

// Count says how many of noun there are: Count("stories", 12).
func (v *Vocabulary) Count(noun string, n int) string {
	forms, ok := v.Counts[noun]
	if !ok {
		return v.Number(n) + " " + noun
	}
	phrase, ok := forms[pluralOf(v.Language, n)]
	if !ok {
		phrase = forms["other"]
	}
	return v.fill(phrase, []string{"n", v.Number(n)})
}

// Number writes n with the language's digits, grouped from 10,000 on.
func (v *Vocabulary) Number(n int) string {
	s := strconv.Itoa(n)
	if n >= 10_000 {
		s = grouped(s, v.Numbers.Group)
	}
	return v.digits(s)
}

func grouped(s, sep string) string {
	head := len(s) % 3
	var parts []string
	if head > 0 {
		parts = append(parts, s[:head])
	}
	for i := head; i < len(s); i += 3 {
		parts = append(parts, s[i:i+3])
	}
	return strings.Join(parts, sep)
}

// digits replaces ASCII digits by the language's own.
func (v *Vocabulary) digits(s string) string {
	own := []rune(v.Numbers.Digits)
	if len(own) != 10 || own[0] == '0' {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return own[r-'0']
		}
		return r
	}, s)
}

// Label is the word for a story's label, "" for none. A label nobody foresaw is
// its own word, so that it is never lost on the way.
func (v *Vocabulary) Label(label string) string {
	if word, ok := v.Labels[label]; ok || label == "" {
		return word
	}
	return label
}

// pluralOf is the CLDR plural category of a whole number.
func pluralOf(lang string, n int) string {
	if strings.HasPrefix(lang, "ru") {
		return pluralRu(n)
	}
	if n == 1 {
		return "one"
	}
	return "other"
}

func pluralRu(n int) string {
	ten, hundred := n%10, n%100
	switch {
	case ten == 1 && hundred != 11:
		return "one"
	case ten >= 2 && ten <= 4 && (hundred < 12 || hundred > 14):
		return "few"
	}
	return "many"
}
