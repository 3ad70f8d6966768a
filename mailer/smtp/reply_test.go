package smtp

import (
	"bufio"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestReadReply(t *testing.T) {
	for _, tc := range []struct {
		in   string
		want Reply
		ok   bool
	}{
		{"250 ok\r\n", Reply{250, "", "ok"}, true},
		{"250\r\n", Reply{250, "", ""}, true},
		{"550 5.1.1 <x@y>: no such user\n", Reply{550, "5.1.1", "<x@y>: no such user"}, true},
		{"550-5.7.26 not\r\n550-5.7.26 signed\r\n550 5.7.26 at all\r\n", Reply{550, "5.7.26", "not signed at all"}, true},
		{"450 5.1.1 classes differ\r\n", Reply{450, "", "5.1.1 classes differ"}, true},
		{"250 2.0.0\x00 b\xff\x1b[31m\r\n", Reply{250, "", "2.0.0  b? [31m"}, true},
		{"250-one\r\n550 two\r\n", Reply{}, false},
		{"25 x\r\n", Reply{}, false},
		{"999 x\r\n", Reply{}, false},
		{"250_x\r\n", Reply{}, false},
		{"250-x\r\n", Reply{}, false},
		{strings.Repeat("250-x\r\n", 200) + "250 x\r\n", Reply{}, false},
		{"", Reply{}, false},
	} {
		got, err := readReply(bufio.NewReader(strings.NewReader(tc.in)))
		if (err == nil) != tc.ok || got != tc.want {
			t.Errorf("%q: got %+v %v, want %+v", tc.in, got, err, tc.want)
		}
	}
}

func TestQueueID(t *testing.T) {
	for text, want := range map[string]string{
		"Ok: queued as 4XyZ9k2mQ1z":             "4XyZ9k2mQ1z",
		"OK id=1tFabc-0000000ABC-1a2b":          "1tFabc-0000000ABC-1a2b",
		"Queued mail for delivery as: 12AB34CD": "12AB34CD",
		"accepted":                              "",
		"OK 1763901234 af79cd13be357-7b-gsmtp":  "",
	} {
		if got := (Reply{Text: text}).QueueID(); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// Whatever a relay says, what we keep of it is short, printable and one line.
func FuzzReadReply(f *testing.F) {
	f.Add("250-2.0.0 a\r\n250 b\r\n")
	f.Add("550 5.1.1 \xff\x00")
	f.Fuzz(func(t *testing.T, in string) {
		r, err := readReply(bufio.NewReader(strings.NewReader(in)))
		if err != nil {
			return
		}
		if r.Code < 200 || r.Code > 599 || len(r.Text) > maxText || !utf8.ValidString(r.Text) || len(r.Enhanced) > 9 {
			t.Fatalf("%+v", r)
		}
		for _, c := range r.Text {
			if !unicode.IsPrint(c) {
				t.Fatalf("%q", r.Text)
			}
		}
	})
}
