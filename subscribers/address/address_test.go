package address_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"pressrun/subscribers/address"
)

func TestParseAccepts(t *testing.T) {
	for _, s := range []string{
		"jan@example.com", "a@b.co", "JAN.o'Neil+news@Example.COM", "!#$%&'*+-/=?^_`{|}~@example.org", "1@example.museum", "x@c--n.com",
		"jan@xn--bcher-kva.example", "jan@bücher.example", "Jan@BÜCHER.example", "müller@example.de", "пользователь@пример.рф", "اخبار@مثال.پاکستان",
		"山田太郎@例え.jp", "yamada山田@example.jp", "a@1.example", "a@sub.sub.sub.example", strings.Repeat("a", 64) + "@example.com",
	} {
		if _, err := address.Parse(s); err != nil {
			t.Errorf("Parse(%q): %v; want it accepted", s, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	tests := []struct {
		in   string
		want error
	}{
		{"", address.ErrEmpty},
		{"jan", address.ErrAt}, {"@", address.ErrLocal}, {"@example.com", address.ErrLocal}, {"a@b@example.com", address.ErrAt},
		{"a@io", address.ErrDot}, {"a@", address.ErrDot}, {"a@example.com.", address.ErrDomain}, {"a@.example.com", address.ErrDomain},
		{"a@example..com", address.ErrDomain}, {"a@-example.com", address.ErrDomain}, {"a@example-.com", address.ErrDomain}, {"a@exa_mple.com", address.ErrDomain},
		{"a@1.2.3.4", address.ErrNumeric}, {"a@example.123", address.ErrNumeric}, {"a@[1.2.3.4]", address.ErrDomain}, {"a@[IPv6:::1]", address.ErrDot},
		{".a@example.com", address.ErrLocal}, {"a.@example.com", address.ErrLocal}, {"a..b@example.com", address.ErrLocal}, {`"a b"@example.com`, address.ErrSpace},
		{`"a"@example.com`, address.ErrLocal}, {"a(x)@example.com", address.ErrLocal}, {"<a@example.com>", address.ErrLocal}, {"a,b@example.com", address.ErrLocal},
		{" a@example.com", address.ErrSpace}, {"a@example.com ", address.ErrSpace}, {"a@example.com\r\nBcc: x@example.org", address.ErrSpace}, {"a\x00@example.com", address.ErrSpace},
		{"a\u200b@example.com", address.ErrSpace}, {"a\u202e@example.com", address.ErrSpace}, {"a\u00a0@example.com", address.ErrSpace}, {"a\u3164@example.com", address.ErrSpace},
		{"a\u00ad@example.com", address.ErrSpace}, {"a@exa\u00admple.com", address.ErrSpace}, {"a\ufe0f@example.com", address.ErrSpace}, {"a\u2800@example.com", address.ErrSpace},
		{"ａ@example.com", address.ErrForm}, {"a@ｅxample.com", address.ErrForm}, {"a@example。com", address.ErrDot}, {"e\u0301@example.com", address.ErrForm},
		{"раypal@example.com", address.ErrScripts}, {"a@раypal.com", address.ErrScripts}, {"␍a@example.com", address.ErrLocal}, {"☃@example.com", address.ErrLocal},
		{strings.Repeat("a", 65) + "@example.com", address.ErrLocalLen}, {strings.Repeat("ü", 33) + "@example.com", address.ErrLocalLen},
		{"a@" + strings.Repeat("a", 64) + ".com", address.ErrDomain}, {"a@" + strings.Repeat("a.", 130) + "com", address.ErrDomain},
		{strings.Repeat("a", 64) + "@" + strings.Repeat("b", 63) + "." + strings.Repeat("c", 63) + "." + strings.Repeat("d", 60) + ".com", address.ErrLong},
		{"a@exa\xffmple.com", address.ErrEncoding}, {strings.Repeat("x", 1<<20), address.ErrLong},
	}
	for _, tt := range tests {
		if a, err := address.Parse(tt.in); !errors.Is(err, tt.want) {
			t.Errorf("Parse(%.80q) = %q, %v; want %v", tt.in, a, err, tt.want)
		}
	}
}

func TestForms(t *testing.T) {
	a, err := address.Parse("Jan.Müller+x@BÜCHER.Example")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := a.ASCII(), "Jan.Müller+x@xn--bcher-kva.example"; got != want {
		t.Errorf("ASCII: got %q, want %q", got, want)
	}
	if got, want := a.Key(), "jan.müller+x@xn--bcher-kva.example"; got != want {
		t.Errorf("Key: got %q, want %q", got, want)
	}
	if got, want := a.Mask(), "J…x@BÜCHER.Example"; got != want {
		t.Errorf("Mask: got %q, want %q", got, want)
	}
}

func TestSuggest(t *testing.T) {
	tests := map[string]string{
		"a@gmial.com": "a@gmail.com", "a@gmail.con": "a@gmail.com", "a@gmail.co": "a@gmail.com", "a@gmai.com": "a@gmail.com", "a@gmaill.com": "a@gmail.com",
		"a@hotmial.com": "a@hotmail.com", "a@yaho.com": "a@yahoo.com", "a@outlok.com": "a@outlook.com", "a@aol.con": "a@aol.com", "a@gmx.nett": "a@gmx.net",
		"a@gmail.com": "", "a@mail.com": "", "a@ymail.com": "", "a@ms.com": "", "a@gmx.at": "", "a@we.com": "", "a@example.com": "", "a@ya.ru": "", "a@aol.de": "", "a@wen.de": "",
	}
	for in, want := range tests {
		a, err := address.Parse(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := a.Suggest(); got != want {
			t.Errorf("Suggest(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestCheckLines(t *testing.T) {
	var out bytes.Buffer
	in := "Jan@EXAMPLE.com\r\n\r\nJan <jan@example.org>\r\na@gmial.com\r\n" + strings.Repeat("x", 1<<20) + "\r\nlast@example.com"
	if err := address.CheckLines(strings.NewReader(in), &out); err != nil {
		t.Fatal(err)
	}
	var got []address.Result
	for dec := json.NewDecoder(&out); dec.More(); {
		var r address.Result
		if err := dec.Decode(&r); err != nil {
			t.Fatal(err)
		}
		got = append(got, r)
	}
	if len(got) != 6 {
		t.Fatalf("got %d results, want 6", len(got))
	}
	if r := got[0]; !r.OK || r.Normalized != "Jan@example.com" || r.Reason != "" {
		t.Errorf("first line: %+v", r)
	}
	if r := got[1]; r.OK || r.Reason == "" {
		t.Errorf("empty line: %+v", r)
	}
	if r := got[2]; r.OK || r.Suggestion != "jan@example.org" {
		t.Errorf("name and address: %+v", r)
	}
	if r := got[3]; !r.OK || r.Suggestion != "a@gmail.com" {
		t.Errorf("typing error: %+v", r)
	}
	if r := got[4]; r.OK {
		t.Errorf("a line of 1 MB was accepted")
	}
	if r := got[5]; !r.OK {
		t.Errorf("last line without an end: %+v", r)
	}
}

func TestCheckLinesKeepsStrayReturns(t *testing.T) {
	var out bytes.Buffer
	if err := address.CheckLines(strings.NewReader("a@example.com\nb@example.com\r\n"), &out); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(out.String(), `"ok":true`); got != 1 {
		t.Errorf("got %d accepted, want the one without a stray CR:\n%s", got, &out)
	}
}

// FuzzParse: what is accepted is safe in a header and an envelope, and its
// forms are stable: parsing them again gives the same identity.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"jan@example.com", "Jan.Müller@BÜCHER.example", "a@xn--bcher-kva.example", "اخبار@مثال.پاکستان", "x\u200b@example.com", "\"a b\"@[1.2.3.4]", "İ@example.com", "a@İ.com", "ß@straße.de"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := address.Parse(s)
		address.Check(s)
		if err != nil {
			return
		}
		if strings.ContainsAny(s, " \t\r\n\x00<>(),;:\\\"[]") {
			t.Fatalf("%q was accepted", s)
		}
		again, err := address.Parse(a.ASCII())
		if err != nil {
			t.Fatalf("ASCII form %q of %q is refused: %v", a.ASCII(), s, err)
		}
		if again.Key() != a.Key() {
			t.Fatalf("key of %q is %q, of its ASCII form %q", s, a.Key(), again.Key())
		}
		if again.ASCII() != a.ASCII() {
			t.Fatalf("ASCII form of %q is not stable", s)
		}
		if len(a.ASCII()) > address.MaxAddress {
			t.Fatalf("%q is %d octets long", a.ASCII(), len(a.ASCII()))
		}
	})
}
