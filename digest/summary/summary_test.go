package summary_test

import (
	"bytes"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pressrun/digest/summary"
)

const ferry = `PORT ELLEN, Scotland (Islay Wire) -- The last wooden ferry between Port Ellen and the mainland will sail for a museum on Saturday, its owner said. "We kept her going for 61 years," Mairi Kerr, the captain, said (pictured) on the quay. "She never once missed the Christmas mail."

The Kittiwake carried 40 passengers and the island's post. It will be moored at the harbour museum in Oban, where visitors may steer a replica of its wheel. Did anybody want to buy it? Nobody did, Ms. Kerr said.

Read more: our pictures of the quay. Jane Roe contributed to this report.`

// verbatim fails unless every line of the summary stands in the text at its
// spans, in order.
func verbatim(t *testing.T, text string, s summary.Summary) {
	t.Helper()
	lines := strings.Split(s.Text, "\n")
	if len(s.Sentences) == 0 {
		return
	}
	if len(lines) != len(s.Sentences) {
		t.Fatalf("%d lines but %d sentences", len(lines), len(s.Sentences))
	}
	last := 0
	for i, line := range lines {
		var parts []string
		for _, span := range s.Sentences[i].Spans {
			if span[0] < last || span[1] <= span[0] || span[1] > len(text) {
				t.Fatalf("span %v is empty, out of order or outside the text", span)
			}
			if !utf8.ValidString(text[span[0]:span[1]]) && utf8.ValidString(text) {
				t.Fatalf("span %v cuts a character", span)
			}
			parts = append(parts, text[span[0]:span[1]])
			last = span[1]
		}
		if got := strings.Join(parts, " "); got != line {
			t.Fatalf("line %d is %q, its spans %q", i, line, got)
		}
	}
}

func TestSummarize(t *testing.T) {
	s := summary.Summarize(summary.Doc{Language: "en", Title: "Last wooden ferry sails into a museum", Text: ferry}, summary.Options{})
	verbatim(t, ferry, s)
	if got, want := strings.Split(s.Text, "\n")[0], "The last wooden ferry between Port Ellen and the mainland will sail for a museum on Saturday, its owner said."; got != want {
		t.Errorf("first line is %q, want %q", got, want)
	}
	for _, no := range []string{"?", "(pictured)", "Read more", "contributed", "PORT ELLEN"} {
		if strings.Contains(s.Text, no) {
			t.Errorf("summary holds %q: %q", no, s.Text)
		}
	}
	if n := summary.Words(s.Text); n > 60 {
		t.Errorf("%d words, want at most 60", n)
	}
}

func TestReplayJSON(t *testing.T) {
	in := `{"id":"a","lang":"en","title":"","text":"The bridge opened on Monday after two years of work."}` + "\n" + `{"id":"b","lang":"en","text":""}`
	var out bytes.Buffer
	if err := summary.ReplayJSON(strings.NewReader(in), &out, summary.Options{}, false); err != nil {
		t.Fatal(err)
	}
	want := `{"id":"a","summary":"The bridge opened on Monday after two years of work.","sentences":[{"spans":[[0,52]]}]}` + "\n" + `{"id":"b","summary":"","sentences":[]}` + "\n"
	if out.String() != want {
		t.Errorf("got %s want %s", out.String(), want)
	}
	if err := summary.ReplayJSON(strings.NewReader("[1]"), &out, summary.Options{}, false); err == nil {
		t.Error("no error for a value that is no article")
	}
}

// FuzzSummarize: a summary keeps the budget, every line of it stands in the
// text, and the same article gives the same summary.
func FuzzSummarize(f *testing.F) {
	f.Add("en", "Last ferry", ferry, uint8(60), uint8(3))
	f.Add("zh", "大桥", "大桥昨天通车。市长说：“我们等了两年。”市民很高兴！", uint8(10), uint8(2))
	f.Add("ar", "", "نفى هلال التهم وقال إنه أعاد قرضا قديما. اتهم الادعاء هلال.", uint8(20), uint8(0))
	f.Add("en", "T", liveText+"\n"+interviewText+"\n"+tableText, uint8(30), uint8(1))
	f.Add("xx", "", "He said ' \" “. (pictured) But A. B' ' ? !", uint8(4), uint8(1))
	f.Fuzz(func(t *testing.T, lang, title, text string, words, sentences uint8) {
		d, o := summary.Doc{Language: lang, Title: title, Text: text}, summary.Options{Words: int(words), Sentences: int(sentences)}
		s := summary.Summarize(d, o)
		if s.Method != "headline" {
			verbatim(t, text, s)
			if n := summary.Words(s.Text); o.Words > 0 && n > o.Words {
				t.Fatalf("%d words, want at most %d: %q", n, o.Words, s.Text)
			}
		}
		if o.Sentences > 0 && len(s.Sentences) > o.Sentences {
			t.Fatalf("%d sentences, want at most %d", len(s.Sentences), o.Sentences)
		}
		if again := summary.Summarize(d, o); again.Text != s.Text {
			t.Fatalf("%q, then %q", s.Text, again.Text)
		}
		if s.Text == "" && strings.IndexFunc(text, unicode.IsLetter) >= 0 {
			t.Fatalf("nothing for %q", text)
		}
	})
}

// TestBehindTheWall: an offer that follows a wall is not told, a line that asks
// readers to subscribe does not end an article.
func TestBehindTheWall(t *testing.T) {
	const told = "Wenn um sechs Uhr die Glocke schlägt, steht Josef Adler schon im Turm und zählt die Schläge mit."
	for _, offer := range []string{"Weiterlesen mit HT+\n\nTesten Sie das Angebot 30 Tage kostenlos.", "Nur für Abonnenten\n\nDas erste Jahr kostet die Hälfte. Danach zahlen alle den vollen Preis."} {
		if s := summary.Summarize(summary.Doc{Language: "de", Title: "Der Glöckner", Text: told + "\n\n" + offer}, summary.Options{}); s.Text != told {
			t.Errorf("behind %q: %q", offer, s.Text)
		}
	}
	long := "Subscribe to the harbour letter.\n\n" + strings.Repeat("The council of Harrow Bay closed the lido on Monday after a long night. ", 8)
	if s := summary.Summarize(summary.Doc{Language: "en", Title: "Lido", Text: long}, summary.Options{}); !strings.HasPrefix(s.Text, "The council") {
		t.Errorf("of an article behind a call to subscribe: %q", s.Text)
	}
}
