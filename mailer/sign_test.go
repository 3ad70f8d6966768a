package mailer_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	msgauth "github.com/emersion/go-msgauth/dkim"

	"pressrun/deploy/schema/schematest"
	"pressrun/mailer"
	"pressrun/mailer/dkim"
	"pressrun/mailer/message"
	"pressrun/templates"
)

var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

var edKey = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))

// signersOf makes a signer of each key, selectors r for RSA and e for Ed25519.
func signersOf(t testing.TB, keys ...crypto.Signer) []*dkim.Signer {
	t.Helper()
	var all []*dkim.Signer
	for _, key := range keys {
		selector := "e"
		if key == crypto.Signer(rsaKey()) {
			selector = "r"
		}
		s, err := dkim.New("news.example", selector, key)
		if err != nil {
			t.Fatal(err)
		}
		s.Now = time.Now
		all = append(all, s)
	}
	return all
}

// lookupKeys answers like the DNS of news.example.
func lookupKeys(name string) ([]string, error) {
	switch name {
	case "r._domainkey.news.example":
		der, err := x509.MarshalPKIXPublicKey(rsaKey().Public())
		return []string{"v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der)}, err
	case "e._domainkey.news.example":
		return []string{"v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(edKey.Public().(ed25519.PublicKey))}, nil
	}
	return nil, errors.New("no such name")
}

// verifies checks the signatures of a received mail with go-msgauth, how many
// there are, and that they hold what receivers want held.
func verifies(raw []byte, want int) error {
	found, err := msgauth.VerifyWithOptions(bytes.NewReader(raw), &msgauth.VerifyOptions{LookupTXT: lookupKeys})
	if err != nil {
		return err
	}
	if len(found) != want {
		return fmt.Errorf("%d signatures, want %d", len(found), want)
	}
	for _, v := range found {
		if v.Err != nil {
			return v.Err
		}
		signed := " " + strings.ToLower(strings.Join(v.HeaderKeys, " ")) + " "
		for _, h := range []string{"list-unsubscribe", "list-unsubscribe-post", "list-id", "feedback-id", "from", "date", "message-id"} {
			if bytes.Contains(bytes.ToLower(raw), []byte("\n"+h+":")) && !strings.Contains(signed, " "+h+" ") {
				return fmt.Errorf("%s is not signed: %s", h, signed)
			}
		}
		for _, h := range []string{"from", "to", "subject"} {
			if n := len(slices.DeleteFunc(strings.Fields(signed), func(f string) bool { return f != h })); n != 2 {
				return fmt.Errorf("%s is not signed once more than it occurs: %s", h, signed)
			}
		}
	}
	return nil
}

// slotted is an edition in other scripts, with every slot there is.
var slotted = func() mailer.Edition {
	slot := templates.Slot
	msg, err := message.Compose(templates.Email{
		From: "«Утро» صبح <morning@news.example>", ReplyTo: "Ред. <editor@news.example>", Subject: "Новости · خبریں — " + slot("name"), Language: "ru",
		ListID: "Утро <morning.news.example>", FeedbackID: "7:morning:digest:newsexample",
		HTML:  "<p>Привет " + slot("name") + "</p><p>.</p><a href=\"" + slot("unsubscribe") + "\">Отписаться</a> <a href=\"" + slot("preferences") + "\">Настройки</a>\n",
		Text:  "Привет " + slot("name") + "\n.\n..=\n\nОтписаться: " + slot("unsubscribe") + "\n" + slot("preferences") + "\n",
		Slots: []string{"name", "unsubscribe", "preferences"},
	})
	if err != nil {
		panic(err)
	}
	return mailer.Edition{Message: msg, Hash: message.Hash(msg), EnvelopeFrom: "bounce@news.example", MessageIDDomain: "news.example"}
}()

func TestSignedMailVerifies(t *testing.T) {
	for name, keys := range map[string][]crypto.Signer{"rsa": {rsaKey()}, "ed25519": {edKey}, "both": {rsaKey(), edKey}} {
		t.Run(name, func(t *testing.T) {
			const readers = 40
			r := newRoom(t, schematest.SQLite(t), readers)
			names := []string{"Müller, Jürg = ü", ".точка", "احمد", "=?utf-8?q?x?=", ""}
			r.Mailer.Editions = func(context.Context, int64) (mailer.Edition, error) { return slotted, nil }
			r.Mailer.Recipients = func(ctx context.Context, tx *sql.Tx, issue int64, ids []int64) ([]mailer.Recipient, []mailer.Withheld, error) {
				to, out, err := r.recipients(ctx, tx, issue, ids)
				for i := range to {
					to[i].Slots["name"] = names[int(to[i].ID)%len(names)]
					to[i].Slots["preferences"] = fmt.Sprintf("https://l.example/p/%d?a=b&c=ü", to[i].ID)
					to[i].Slots["test"] = map[bool]string{true: "[Тест] "}[to[i].ID%7 == 0]
				}
				return to, out, err
			}
			r.DKIM = map[string][]*dkim.Signer{"news.example": signersOf(t, keys...)}
			r.freeze()
			r.tx(func(tx *sql.Tx) error {
				_, err := r.Post(t.Context(), tx, mailer.Letter{Kind: "confirmation", To: mailer.Recipient{Address: "letter@example.test"},
					Email: templates.Email{From: "Press <press@below.news.example>", Subject: "Bestätigen", Text: ".\nBitte bestätigen\n", Language: "de", Auto: true}})
				if err != nil {
					return err
				}
				_, err = r.Post(t.Context(), tx, mailer.Letter{Kind: "alarm", To: mailer.Recipient{Address: "other@example.test"},
					Email: templates.Email{From: "Press <press@other.example>", Subject: "Not ours to sign", Text: "x\n"}})
				return err
			})
			stop := r.start()
			if c := r.untilDone(); c[mailer.StateAccepted] != readers {
				t.Fatalf("got %v", c)
			}
			for end := time.Now().Add(30 * time.Second); len(r.catcher.Messages("letter@"))+len(r.catcher.Messages("other@")) < 2; time.Sleep(20 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatal("the letters did not arrive")
				}
			}
			stop()
			good := 0
			for _, m := range r.catcher.Messages("") {
				want := len(keys)
				if m.To[0] == "other@example.test" {
					want = 0
				}
				if err := verifies(m.Raw, want); err != nil {
					t.Errorf("to %v: %v\n%s", m.To, err, m.Raw[:min(len(m.Raw), 1500)])
					continue
				}
				if !strings.Contains(m.To[0], "@example.test") {
					if _, err := message.Verify(m.Raw, slotted.Message); err != nil {
						t.Errorf("to %v: %v", m.To, err)
					}
				}
				good++
			}
			if good != readers+2 {
				t.Errorf("%d of %d verify", good, readers+2)
			}
			if first := r.catcher.Messages("letter@")[0].Raw; name == "both" && !bytes.HasPrefix(first[bytes.Index(first, []byte("DKIM-Signature")):], []byte("DKIM-Signature: v=1; a=rsa-sha256")) {
				t.Error("the RSA signature is not the first")
			}
		})
	}
}

// BenchmarkSigned sends an issue as BenchmarkSend does, signed with RSA-2048, and
// prints its rate as a share of what all cores could sign if they did nothing
// else, measured just before and just after; and the share of this process's CPU
// time that the bare key needs, which other work on the machine disturbs less.
func BenchmarkSigned(b *testing.B) {
	readers, connections := setting("READERS", 2000), setting("CONNECTIONS", 10)
	for range b.N {
		m := benchMailer(b, readers, connections)
		m.DKIM = map[string][]*dkim.Signer{"news.example": signersOf(b, rsaKey())}
		benchFreeze(b, m)
		before, cpuBefore := rawRSA(b, time.Second)
		f, err := m.Bench(b.Context(), issue, nil)
		if err != nil {
			b.Fatal(err)
		}
		after, cpuAfter := rawRSA(b, time.Second)
		raw, cpu := (before+after)/2, (cpuBefore+cpuAfter)/2
		b.ReportMetric(f.Rate, "msg/s")
		b.ReportMetric(raw, "raw/s")
		b.ReportMetric(f.Rate/raw, "of-raw")
		b.ReportMetric(f.CPU*1000, "cpu-us/msg")
		b.ReportMetric(cpu*1e6, "raw-cpu-us")
		b.ReportMetric(cpu*1e6/(f.CPU*1000), "of-raw-cpu")
	}
}

// rawRSA is how many signatures a second all cores make for a while, and the CPU
// seconds of one.
func rawRSA(b *testing.B, d time.Duration) (rate, cpu float64) {
	sum := sha256.Sum256([]byte("raw"))
	var wait sync.WaitGroup
	counts := make([]int, runtime.GOMAXPROCS(0))
	began, used := time.Now(), cpuSeconds()
	for i := range counts {
		wait.Go(func() {
			for time.Since(began) < d {
				if _, err := rsaKey().Sign(rand.Reader, sum[:], crypto.SHA256); err != nil {
					b.Error(err)
				}
				counts[i]++
			}
		})
	}
	wait.Wait()
	n := 0
	for _, c := range counts {
		n += c
	}
	return float64(n) / time.Since(began).Seconds(), (cpuSeconds() - used) / float64(n)
}

func cpuSeconds() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}
