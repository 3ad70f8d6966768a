package templates

import (
	"strings"
	"testing"
	"unicode"
)

func TestIsolate(t *testing.T) {
	for _, tc := range []struct{ in, direction, want string }{
		{"Plain English", "ltr", "Plain English"},
		{"صرف اردو 2026", "rtl", "صرف اردو 2026"},
		{"OPEC کے ماہرین کا اجلاس", "rtl", "\u2068OPEC\u2069 کے ماہرین کا اجلاس"},
		{"کشتی Marisol II روانہ", "rtl", "کشتی \u2068Marisol II\u2069 روانہ"},
		{"ادارہ (World Bank) کہتا ہے", "rtl", "ادارہ (\u2068World Bank\u2069) کہتا ہے"},
		{"G20 اور COVID-19 پر", "rtl", "\u2068G20\u2069 اور \u2068COVID-19\u2069 پر"},
		{"The paper صبح نامہ says", "ltr", "The paper \u2068صبح نامہ\u2069 says"},
		{"می\u200cخواهم BBC", "rtl", "می\u200cخواهم \u2068BBC\u2069"},
		{"", "rtl", ""},
		{"14 Lantern Quay, Port Ellery", "rtl", "\u206814 Lantern Quay, Port Ellery\u2069"},
		{"14–16 (rear) Quay", "rtl", "14–16 (\u2068rear) Quay\u2069"},
		{"5 ہزار iPhone", "rtl", "5 ہزار \u2068iPhone\u2069"},
		{"14", "rtl", "14"},
	} {
		got := Isolate(tc.in, tc.direction)
		if got != tc.want {
			t.Errorf("%q %s: got %q, want %q", tc.in, tc.direction, got, tc.want)
		}
		if again := Isolate(got, tc.direction); again != got {
			t.Errorf("%q is isolated again: %q", got, again)
		}
	}
}

func TestWithBdi(t *testing.T) {
	got := string(withBdi(Isolate("a <b> کے OPEC & AT&T", "rtl")))
	if strings.Contains(got, "<b>") || strings.Count(got, "<bdi") != strings.Count(got, "</bdi>") || !strings.Contains(got, `<bdi class="latin">OPEC &amp; AT&amp;T</bdi>`) {
		t.Errorf("got %s", got)
	}
	if got := string(withBdi("x\u2068y")); got != "xy" && got != "x<bdi>y</bdi>" {
		t.Errorf("an isolate that is never closed: %s", got)
	}
}

func TestWrap(t *testing.T) {
	if got, want := wrap("aaa bbb ccc ddd", "1  ", "   ", 10), "1  aaa bbb\n   ccc ddd"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	long := strings.Repeat("x", 30)
	if got, want := wrap("a "+long+" b", "", "", 10), "a\n"+long+"\nb"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := displayWidth("日本e\u0301\u200c"); got != 5 {
		t.Errorf("width %d, want 5", got)
	}
	if got := anchored("\u2068BBC\u2069 123\nاردو \u2068BBC\u2069\nhttps://x.example/", "rtl"); got != "\u200f\u2068BBC\u2069 123\nاردو \u2068BBC\u2069\n\u200fhttps://x.example/" {
		t.Errorf("got %q", got)
	}
}

// Wrapping loses and adds no word, and every line that has more than one word fits.
func FuzzWrap(f *testing.F) {
	f.Add("one two three", 20)
	f.Add(Isolate("کشتی Marisol the Second and Last روانہ", "rtl"), 24)
	f.Add("\u2068open", 5)
	f.Fuzz(func(t *testing.T, s string, columns int) {
		if columns < 4 || columns > 200 {
			return
		}
		s = clean(s)
		got := wrap(s, "", "  ", columns)
		if bare(got) != bare(s) {
			t.Errorf("%q became %q", s, got)
		}
		for line := range strings.SplitSeq(got, "\n") {
			if displayWidth(line) > columns && len(strings.Fields(line)) > 1 {
				t.Errorf("%d columns: %q", columns, line)
			}
		}
	})
}

func bare(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == fsi || r == pdi {
			return -1
		}
		return r
	}, s)
}

// Isolates are balanced on every line, so that none reaches into the next.
func FuzzIsolate(f *testing.F) {
	f.Add("OPEC کے (World Bank) 12%", true)
	f.Add("a\u0301ب\u064e c", false)
	f.Fuzz(func(t *testing.T, s string, rtl bool) {
		direction := "ltr"
		if rtl {
			direction = "rtl"
		}
		s = clean(s)
		got := Isolate(s, direction)
		if bare(got) != bare(s) {
			t.Errorf("%q became %q", s, got)
		}
		for line := range strings.SplitSeq(anchored(wrap(got, "", "", 30), direction), "\n") {
			if strings.Count(line, string(fsi)) != strings.Count(line, string(pdi)) {
				t.Errorf("isolates are not balanced in %q", line)
			}
		}
	})
}
