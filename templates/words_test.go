package templates

import (
	"io/fs"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var placeholder = regexp.MustCompile(`\{[a-z]+\}`)

// Every language says the same things, with the same names to fill in.
func TestLanguagesHaveTheSameWords(t *testing.T) {
	en := Words("en")
	for _, lang := range Languages() {
		v := Words(lang)
		for what, maps := range map[string][2]map[string]string{"say": {en.Phrases, v.Phrases}, "labels": {en.Labels, v.Labels}, "sections": {en.Sections, v.Sections}} {
			sameKeys(t, lang+" "+what, maps[0], maps[1])
		}
		for key, phrase := range v.Phrases {
			want, got := placeholder.FindAllString(en.Phrases[key], -1), placeholder.FindAllString(phrase, -1)
			slices.Sort(want)
			slices.Sort(got)
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s %q names %v, English %v", lang, key, got, want)
			}
		}
		if c := v.Calendar; len(c.Weekdays) != 7 || len(c.Months) != 12 || len(c.ShortMonths) != 12 || c.Full == "" || c.Long == "" || c.Short == "" || c.Time == "" {
			t.Errorf("%s: the calendar is not complete: %+v", lang, c)
		}
		for noun, forms := range v.Counts {
			if forms["other"] == "" || en.Counts[noun] == nil || len(v.Counts) != len(en.Counts) {
				t.Errorf("%s: counts of %q", lang, noun)
			}
		}
	}
}

func sameKeys(t *testing.T, name string, want, got map[string]string) {
	t.Helper()
	for key := range want {
		if got[key] == "" {
			t.Errorf("%s has no %q", name, key)
		}
	}
	for key := range maps.Keys(got) {
		if _, ok := want[key]; !ok {
			t.Errorf("%s: %q is unknown in English", name, key)
		}
	}
}

func TestTitlesAreListed(t *testing.T) {
	for lang, want := range map[string]string{
		"en": "You get A, B and C from the next issue on.", "ru": "Вы будете получать «A», «B» и «C» начиная со следующего выпуска.",
		"ur": "ہم اگلے شمارے سے آپ کو \u2068A\u2069 اور \u2068B\u2069 اور \u2068C\u2069 بھیجیں گے۔",
	} {
		w := Words(lang)
		if got := w.Say("confirmed.text", "newsletter", w.List([]string{"A", "B", "C"})); got != want {
			t.Errorf("%s: %q, want %q", lang, got, want)
		}
	}
	if one, none := Words("en").List([]string{"A"}), Words("en").List(nil); one != "A" || none != "" {
		t.Errorf("one title: %q, none: %q", one, none)
	}
}

// Every phrase that a template or the program says is there, and all are said.
func TestEveryPhraseIsThereAndUsed(t *testing.T) {
	said := map[string]bool{}
	use := regexp.MustCompile(`(?:Say|says\[\w+\])\(?\s*"?\(?"([a-z.]+)"`)
	quoted := regexp.MustCompile(`"([a-z]+(?:\.[a-z]+)+)"`)
	for _, name := range []string{"issue.go", "letter.go", "pages.go", "calendar.go", "words.go"} {
		for _, m := range quoted.FindAllStringSubmatch(readSource(t, name), -1) {
			said[m[1]] = true
		}
	}
	for _, files := range []fs.FS{mailFiles, pageFiles} {
		err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := fs.ReadFile(files, path)
			for _, m := range use.FindAllStringSubmatch(string(b), -1) {
				said[m[1]] = true
				if Words("en").Phrases[m[1]] == "" {
					t.Errorf("%s says %q, which no language has", path, m[1])
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for key := range Words("en").Phrases {
		if !said[key] && !strings.HasPrefix(key, "error.") {
			t.Errorf("nobody says %q", key)
		}
	}
}

func TestWordsFindsTheNearestLanguage(t *testing.T) {
	for lang, want := range map[string]string{"en": "en", "en-GB": "en", "en-US": "en-US", "ur-PK": "ur", "ru": "ru", "fr": "en", "": "en", "x<y": "en", "ur-Arab-PK": "ur"} {
		if got := Words(lang).Language; got != want {
			t.Errorf("Words(%q) speaks %q, want %q", lang, got, want)
		}
	}
}

func TestSayIsolatesNamesOfTheOtherDirection(t *testing.T) {
	got := Words("ur").Say("unsubscribe.text", "newsletter", "Morning Digest", "email", "a@b.example")
	if want := "کیا ہم \u2068a@b.example\u2069 پر \u2068Morning Digest\u2069 بھیجنا بند کر دیں؟"; got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if got, want := Words("en").Say("confirmed.text", "newsletter", "صبح نامہ"), "You get \u2068صبح نامہ\u2069 from the next issue on."; got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if got := Words("en").Say("no.such.phrase"); got != "no.such.phrase" {
		t.Errorf("got %q", got)
	}
}

func TestCounts(t *testing.T) {
	for _, tc := range []struct {
		lang string
		n    int
		want string
	}{
		{"en", 1, "1 story"}, {"en", 0, "0 stories"}, {"en", 12840, "12,840 stories"}, {"ur", 1, "1 خبر"}, {"ur", 7, "7 خبریں"},
		{"ru", 1, "1 новость"}, {"ru", 2, "2 новости"}, {"ru", 5, "5 новостей"}, {"ru", 11, "11 новостей"}, {"ru", 21, "21 новость"}, {"ru", 112, "112 новостей"}, {"ru", 104, "104 новости"},
	} {
		if got := Words(tc.lang).Count("stories", tc.n); got != tc.want {
			t.Errorf("%s %d: got %q, want %q", tc.lang, tc.n, got, tc.want)
		}
	}
}

// What CLDR writes for these dates.
func TestDates(t *testing.T) {
	morning, evening := at(23, 7, 5), at(1, 22, 40)
	for _, tc := range []struct{ lang, got, want string }{
		{"en", Words("en").FullDate(morning), "Monday, 23 November 2026"},
		{"en-US", Words("en-US").FullDate(morning), "Monday, November 23, 2026"},
		{"ur", Words("ur").FullDate(morning), "پیر، 23 نومبر، 2026"},
		{"ru", Words("ru").FullDate(morning), "Понедельник, 23 ноября 2026 г."},
		{"en", Words("en").Time(evening), "10:40\u00a0pm"},
		{"ur", Words("ur").Time(morning), "\u20687:05\u00a0AM\u2069"},
		{"ru", Words("ru").Time(morning), "07:05"},
		{"en", Words("en").Time(at(1, 0, 30)), "12:30\u00a0am"},
		{"en", Words("en").Time(at(1, 12, 0)), "12:00\u00a0pm"},
		{"en", Words("en").ShortDate(evening), "1 Nov"},
		{"ru", Words("ru").ShortDate(evening), "1 нояб."},
		{"en", Words("en").Moment(morning), "23 November 2026, 7:05\u00a0am\u00a0PKT"},
	} {
		if tc.got != tc.want {
			t.Errorf("%s: got %q, want %q", tc.lang, tc.got, tc.want)
		}
	}
}

// A story's time is told as the newsletter's readers live it: an evening in
// London is the next morning in Karachi.
func TestSinceIsInTheNewslettersZone(t *testing.T) {
	now := at(23, 7, 0)
	for _, tc := range []struct {
		published time.Time
		want      string
	}{
		{at(23, 5, 40), "5:40\u00a0am"}, {at(22, 22, 10), "yesterday, 10:10\u00a0pm"}, {at(21, 12, 0), "21 Nov"},
		{time.Date(2026, 11, 22, 20, 30, 0, 0, time.UTC), "1:30\u00a0am"}, {time.Date(2025, 12, 31, 12, 0, 0, 0, karachi), "31 December 2025"}, {time.Time{}, ""},
	} {
		if got := Words("en").Since(tc.published, now); got != tc.want {
			t.Errorf("%v: got %q, want %q", tc.published, got, tc.want)
		}
	}
	newYear := time.Date(2027, 1, 1, 7, 0, 0, 0, karachi)
	if got := Words("en").Since(time.Date(2026, 12, 31, 23, 0, 0, 0, karachi), newYear); got != "yesterday, 11:00\u00a0pm" {
		t.Errorf("over the new year: got %q", got)
	}
}

func TestSameLanguage(t *testing.T) {
	for pair, want := range map[[2]string]bool{{"en-GB", "en"}: true, {"UR", "ur-PK"}: true, {"fr", "en"}: false, {"", ""}: false, {"", "en"}: false} {
		if got := SameLanguage(pair[0], pair[1]); got != want {
			t.Errorf("%q: %v, want %v", pair, got, want)
		}
	}
}
