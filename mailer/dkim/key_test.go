package dkim

import (
	"errors"
	"strings"
	"testing"
)

func TestKeysAndRecords(t *testing.T) {
	for _, kind := range []string{RSA, Ed25519} {
		text, err := GenerateKey(kind)
		if err != nil {
			t.Fatal(err)
		}
		key, err := ParseKey(text)
		if err != nil {
			t.Fatal(err)
		}
		s, err := New("news.example.com", "s1", key)
		if err != nil {
			t.Fatal(err)
		}
		if s.Name() != "s1._domainkey.news.example.com" || s.RSA() != (kind == RSA) {
			t.Errorf("%s: name %q, RSA %v", kind, s.Name(), s.RSA())
		}
		record := s.Record()
		for text, want := range map[string]error{
			record: nil,
			strings.Replace(record, "; p", " ;\tp", 1):            nil,
			record[:len(record)/2] + " " + record[len(record)/2:]: nil, // strings of a TXT record joined with a space
			record + "; t=s":                  nil,
			record + "; t=y":                  ErrTesting,
			record + "; h=sha1":               ErrRecord,
			"v=DKIM1; k=" + kind + "; p=":     ErrRevoked,
			"v=DKIM1; k=" + kind + "; p=AAAA": ErrOtherKey,
			"v=spf1 -all":                     ErrRecord,
			"":                                ErrRecord,
		} {
			if got := s.CheckRecord(text); !errors.Is(got, want) {
				t.Errorf("%s: record %q: got %v, want %v", kind, text, got, want)
			}
		}
	}
	if _, err := GenerateKey("dsa"); err == nil {
		t.Error("a key of kind dsa: got no error")
	}
	for _, text := range []string{"", "x", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"} {
		if _, err := ParseKey([]byte(text)); err == nil {
			t.Errorf("key %q: got no error", text)
		}
	}
}

// FuzzCheckRecord: whatever stands in the DNS, the answer is one of the known
// ones, and only a record with our key is right.
func FuzzCheckRecord(f *testing.F) {
	s, err := New("news.example.com", "s1", edKey)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(s.Record())
	f.Add("v=DKIM1; t = y ; p=;;=")
	f.Add("p=\r\n;k=")
	f.Fuzz(func(t *testing.T, text string) {
		if s.CheckRecord(text) == nil && !strings.Contains(strings.Join(strings.Fields(text), ""), Tags(s.Record())["p"]) {
			t.Errorf("%q is taken for our record", text)
		}
	})
}
