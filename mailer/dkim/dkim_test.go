package dkim

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	msgauth "github.com/emersion/go-msgauth/dkim"
)

var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

var edKey = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))

// lookup answers like the DNS of news.example.com.
func lookup(name string) ([]string, error) {
	switch name {
	case "r._domainkey.news.example.com":
		der, err := x509.MarshalPKIXPublicKey(rsaKey().Public())
		return []string{"v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der)}, err
	case "e._domainkey.news.example.com":
		return []string{"v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(edKey.Public().(ed25519.PublicKey))}, nil
	}
	return nil, errors.New("no such name")
}

// verify asks the other implementation, and returns what is wrong.
func verify(msg []byte) (n int, bad error, err error) {
	found, err := msgauth.VerifyWithOptions(bytes.NewReader(msg), &msgauth.VerifyOptions{LookupTXT: lookup})
	for _, v := range found {
		bad = errors.Join(bad, v.Err)
	}
	return len(found), bad, err
}

func signer(t testing.TB, selector string, key crypto.Signer, headers ...string) *Signer {
	t.Helper()
	s, err := New("news.example.com", selector, key, headers...)
	if err != nil {
		t.Fatal(err)
	}
	s.Now = func() time.Time { return time.Now().Add(-time.Minute) }
	return s
}

func sign(t testing.TB, s *Signer, msg []byte) []byte {
	t.Helper()
	head, err := s.Sign(msg)
	if err != nil {
		t.Fatal(err)
	}
	return append(head, msg...)
}

const letter = "From: =?utf-8?q?Morgenausgabe_=C2=AB7=C2=BB?= <morning@news.example.com>\r\n" +
	"To: Mara <mara@example.org>\r\n" +
	"Subject: Seven stories,\r\n\t  and   a half \r\n" +
	"Date: Mon, 5 Apr 2027 07:00:00 +0200\r\n" +
	"Message-ID: <42.17.k3j9@news.example.com>\r\n" +
	"MIME-Version: 1.0\r\n" +
	"Content-Type: text/plain; charset=utf-8\r\n" +
	"List-Id: Morning <morning.news.example.com>\r\n" +
	"List-Unsubscribe: <https://news.example.com/u/abc>, <mailto:u+abc@news.example.com>\r\n" +
	"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" +
	"Feedback-ID: 42:morning:digest:example\r\n"

func TestSignedVerifiesElsewhere(t *testing.T) {
	long := make([]string, 0, 40)
	for range 40 {
		long = append(long, "X-Long-Name-"+strings.Repeat("x", len(long)))
	}
	bodies := map[string]string{
		"text": "Good morning.\r\n\r\n.\r\nA line = a dot.  \r\n", "empty": "", "one empty line": "\r\n", "empty lines at the end": "x\r\n\r\n\r\n", "no line end": "x",
	}
	for name, body := range bodies {
		t.Run(name, func(t *testing.T) {
			msg := []byte(letter + "\r\n" + body)
			signers := map[string]*Signer{
				"rsa": signer(t, "r", rsaKey()), "ed25519": signer(t, "e", edKey), "many fields": signer(t, "e", edKey, append(long, Headers...)...),
			}
			for kind, s := range signers {
				if n, bad, err := verify(sign(t, s, msg)); n != 1 || bad != nil || err != nil {
					t.Errorf("%s: got %d signatures, %v, %v", kind, n, bad, err)
				}
			}
			both := sign(t, signers["rsa"], sign(t, signers["ed25519"], msg))
			if n, bad, err := verify(both); n != 2 || bad != nil || err != nil {
				t.Errorf("both: got %d signatures, %v, %v", n, bad, err)
			}
		})
	}
}

func TestSignatureField(t *testing.T) {
	head, err := signer(t, "r", rsaKey()).Sign([]byte(letter + "\r\nx\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(head), "\r\n"), "\r\n")
	for _, line := range lines[:len(lines)-1] {
		if len(line) > 78 || !strings.HasSuffix(line, ";") && !strings.HasSuffix(line, ":") {
			t.Errorf("line %q is long, or folded elsewhere than after ; or :", line)
		}
	}
	h := strings.NewReplacer("\r\n ", "", " ", "").Replace(string(head))
	for _, want := range []string{":list-unsubscribe:", ":list-unsubscribe-post:", "h=from:from:to:to:subject:subject:"} {
		if !strings.Contains(h, want) {
			t.Errorf("got %q, want %q in it", h, want)
		}
	}
}

func TestTamperedFails(t *testing.T) {
	msg := string(sign(t, signer(t, "e", edKey), []byte(letter+"\r\nGood morning.\r\n")))
	tests := map[string]string{
		"body":               strings.Replace(msg, "Good", "Bad", 1),
		"link to leave":      strings.Replace(msg, "/u/abc", "/u/abd", 1),
		"second subject":     "Subject: Buy\r\n" + msg,
		"second from":        "From: boss@news.example.com\r\n" + msg,
		"second recipient":   "To: tom@example.net\r\n" + msg,
		"something appended": msg + "and more\r\n",
	}
	for name, raw := range tests {
		if _, bad, err := verify([]byte(raw)); bad == nil && err == nil {
			t.Errorf("%s: still verifies", name)
		}
	}
}

func TestRefusals(t *testing.T) {
	s := signer(t, "e", edKey)
	for name, tt := range map[string]struct {
		msg  string
		want error
	}{
		"no From":        {"To: mara@example.org\r\n\r\nx\r\n", ErrNoFrom},
		"bare LF":        {"From: a@news.example.com\n\nx\n", ErrLineEnds},
		"bare CR":        {"From: a@news.example.com\r\n\r\nx\ry\r\n", ErrLineEnds},
		"no field":       {"From: a@news.example.com\r\nhello\r\n\r\nx\r\n", ErrHeader},
		"nothing at all": {"", ErrHeader},
	} {
		if _, err := s.Sign([]byte(tt.msg)); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", name, err, tt.want)
		}
	}
	for _, domain := range []string{"", "news.example.com; l=0", "a\r\nBcc: x"} {
		if _, err := New(domain, "e", edKey); err == nil {
			t.Errorf("domain %q: got no error", domain)
		}
	}
	if _, err := New("news.example.com", "e", edKey, "Sub ject"); err == nil {
		t.Error("a name with a blank: got no error")
	}
}

func TestSignConcurrently(t *testing.T) {
	s := signer(t, "r", rsaKey())
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			head, err := s.Sign([]byte(letter + "\r\nx\r\n"))
			if err != nil {
				t.Error(err)
				return
			}
			if _, bad, err := verify(append(head, letter+"\r\nx\r\n"...)); bad != nil || err != nil {
				t.Error(bad, err)
			}
		})
	}
	group.Wait()
}

// FuzzSign: what is signed verifies in another implementation, whatever stands in
// a field or in the body.
func FuzzSign(f *testing.F) {
	f.Add("Seven stories", "Good morning.\r\n")
	f.Add(" a \t b\r\n\tc ", "\r\n\r\n")
	f.Add("", "")
	s := signer(f, "e", edKey)
	f.Fuzz(func(t *testing.T, subject, body string) {
		msg := []byte("From: a@news.example.com\r\nSubject: " + subject + "\r\n\r\n" + body)
		head, err := s.Sign(msg)
		if err != nil {
			return
		}
		if n, bad, err := verify(append(head, msg...)); err == nil && (n != 1 || bad != nil) {
			t.Errorf("subject %q, body %q: %d signatures, %v", subject, body, n, bad)
		}
	})
}

func BenchmarkSign(b *testing.B) {
	msg := []byte(letter + "\r\n" + strings.Repeat(strings.Repeat("a", 74)+"\r\n", 540)) // 41 KB
	sum := sha256.Sum256(msg)
	for name, key := range map[string]crypto.Signer{"rsa": rsaKey(), "ed25519": edKey} {
		s := signer(b, name[:1], key)
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				sign(b, s, msg)
			}
		})
		b.Run(name+" key alone", func(b *testing.B) {
			for b.Loop() {
				_, _ = key.Sign(rand.Reader, sum[:], s.hash)
			}
		})
	}
}
