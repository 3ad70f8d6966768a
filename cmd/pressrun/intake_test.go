package main

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/mail"
	netsmtp "net/smtp"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	msgauth "github.com/emersion/go-msgauth/dkim"

	"pressrun/deploy/schema/schematest"
	"pressrun/digest"
	"pressrun/digest/article"
	"pressrun/digest/feed"
	"pressrun/mailer"
	"pressrun/mailer/catch"
	"pressrun/mailer/dkim"
	"pressrun/mailer/message"
	"pressrun/subscribers"
	"pressrun/templates"
)

// way is a press whose mail can come back: its relay is a receiver of the test,
// and what the test sends to its intake arrives.
type way struct {
	*testing.T
	*Press
	inbox *catch.Catcher
	back  string // address of the intake
	keys  map[string]string
}

func newWay(t *testing.T, database string) *way {
	t.Helper()
	w := &way{T: t, keys: map[string]string{}}
	relay := ""
	w.inbox, relay = receiver(t)
	l := listenLoopback(t)
	free := listenQuietly(t)
	w.back = free.Addr().String()
	free.Close()
	if !strings.Contains(database, "://") {
		schematest.SQLiteFile(t, database)
	}
	dir := t.TempDir()
	c := Config{
		Listen: l.Addr().String(), Database: database, PublicURL: "http://" + l.Addr().String(), Keys: filepath.Join(dir, "link.keys"), Journal: filepath.Join(dir, "journal"),
		Relays: []RelayConfig{{Name: "relay", URL: "smtp://" + relay, Connections: 2}}, Fetch: FetchConfig{Delay: "0s"}, path: filepath.Join(dir, "press.toml"),
		Bounce: BounceConfig{Address: "bounces@bounces.news.example", Listen: "smtp://" + w.back, Every: "1m"},
	}
	for _, kind := range []string{dkim.Ed25519, dkim.RSA} {
		text, err := dkim.GenerateKey(kind)
		if err != nil {
			t.Fatal(err)
		}
		d := DKIMConfig{Domain: "news.example", Selector: kind, KeyFile: kind + ".pem"}
		if err := writeSecret(filepath.Join(dir, d.KeyFile), text); err != nil {
			t.Fatal(err)
		}
		s, err := d.signer(dir)
		if err != nil {
			t.Fatal(err)
		}
		c.DKIM, w.keys[s.Name()] = append(c.DKIM, d), s.Record()
	}
	if err := c.check(); err != nil {
		t.Fatal(err)
	}
	var err error
	if w.Press, err = Open(t.Context(), c, time.Now, slog.New(slog.NewTextHandler(io.Discard, nil))); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Press.Close() })
	serving(t, w.Press, l)
	return w
}

// send writes to the intake as another mail system does.
func (w *way) send(to string, lines ...string) error {
	w.Helper()
	var err error
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		err = netsmtp.SendMail(w.back, nil, "", []string{to}, []byte(strings.Join(lines, "\r\n")+"\r\n"))
		var refused *net.OpError
		if !errors.As(err, &refused) {
			return err
		}
	}
	return err
}

func (w *way) mustSend(to string, lines ...string) {
	w.Helper()
	if err := w.send(to, lines...); err != nil {
		w.Fatalf("to %s: %v", to, err)
	}
}

// openWay brings the canary back.
func (w *way) openWay() {
	w.Helper()
	within(w.T, 60*time.Second, "the canary leaves", func() bool { return len(w.inbox.Messages("bounces+")) > 0 })
	m := w.inbox.Messages("bounces+")[0]
	w.mustSend(m.To[0], string(m.Raw))
	if open, err := w.mailtoOpen(w.Context(), w.DB.Read); err != nil || !open {
		w.Fatalf("the canary is back, and the way open: %v, %v", open, err)
	}
}

// issue builds an issue of fresh stories and sends it to list "morning".
func (w *way) issue(number int) digest.Issue {
	w.Helper()
	ctx := w.Context()
	const site = "https://news.example/"
	src, err := w.Digest.SourceByURL(ctx, site+"feed")
	if errors.Is(err, digest.ErrNotFound) {
		src, err = w.Digest.AddSource(ctx, digest.Source{Kind: "feed", URL: site + "feed", SiteURL: site, Title: "News", Rights: "own"})
	}
	if err != nil {
		w.Fatal(err)
	}
	var items []feed.Item
	for i := range 6 {
		title, _ := articleOf(site, 10*number+i)
		link := fmt.Sprintf("%sstory-%d-%d", site, number, i)
		items = append(items, feed.Item{ID: link, URL: link, Title: title, Published: w.Now().Add(-time.Duration(i+1) * time.Minute)})
	}
	if _, _, err := w.Digest.AddEntries(ctx, src, items, time.Time{}); err != nil {
		w.Fatal(err)
	}
	if err := w.Digest.StillListed(ctx, src); err != nil { // the second poll that a story needs
		w.Fatal(err)
	}
	entries, err := w.Digest.UnreadEntries(ctx, src.ID, len(items))
	if err != nil {
		w.Fatal(err)
	}
	for i, entry := range entries {
		_, text := articleOf(site, 10*number+i)
		text = regexp.MustCompile(`<[^>]*>`).ReplaceAllString(text, " ")
		if _, err := w.Digest.Tell(ctx, src, entry, article.Article{URL: entry.URL, Title: entry.Title, Text: text, Language: "en", Kind: "article"}); err != nil {
			w.Fatal(err)
		}
	}
	n, _, err := w.Digest.ApplyNewsletter(ctx, "morning", digest.Spec{
		Title: "Утро · Morning", List: "morning", From: "«Утро» News <digest@news.example>", Settle: digest.Duration(time.Millisecond),
		Brand: templates.Brand{Name: "News", URL: "https://news.example/", Postal: "1 Quay Street"},
	}, "test")
	if err != nil {
		w.Fatal(err)
	}
	slot, err := w.Digest.AddSlot(ctx, n.ID, w.Now().Add(time.Hour+time.Duration(number)*time.Minute))
	if err != nil {
		w.Fatal(err)
	}
	issue, err := w.Build(ctx, slot.ID)
	if err != nil {
		w.Fatal(err)
	}
	return issue
}

func (w *way) sendIssue(issue digest.Issue) {
	w.Helper()
	if err := w.SendNow(w.Context(), issue.ID, "ed"); err != nil {
		w.Fatal(err)
	}
	within(w.T, 60*time.Second, "the issue is sent", func() bool {
		i, err := w.Digest.Issue(w.Context(), issue.ID)
		return err == nil && (i.State == "sent" || i.State == "closed")
	})
}

// to is the last mail to an address.
func (w *way) to(address string) catch.Message {
	w.Helper()
	found := w.inbox.Messages(address)
	if len(found) == 0 {
		w.Fatalf("no mail to %s", address)
	}
	return found[0]
}

var mailtoIn = regexp.MustCompile(`<mailto:([^>]+)>`)

// leaving are the two addresses of a mail's List-Unsubscribe.
func (w *way) leaving(raw []byte) (link, address string) {
	w.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		w.Fatal(err)
	}
	h := m.Header.Get("List-Unsubscribe")
	first, _, _ := strings.Cut(strings.TrimPrefix(h, "<"), ">")
	found := mailtoIn.FindStringSubmatch(h)
	if found == nil || !strings.HasPrefix(first, "http") {
		w.Fatalf("List-Unsubscribe is %q, want https first and a mailto", h)
	}
	return first, found[1]
}

func (w *way) stateOf(reader int64) subscribers.State {
	w.Helper()
	subs, err := w.Subscribers.Subscriptions(w.Context(), reader)
	if err != nil || len(subs) != 1 {
		w.Fatal(subs, err)
	}
	return subs[0].State
}

func deliveryReport(to, said string) []string {
	return []string{"From: MAILER-DAEMON@mx.example.org", "Subject: Undelivered", "Content-Type: multipart/report; report-type=delivery-status; boundary=b", "",
		"--b", "", "It did not arrive.", "--b", "Content-Type: message/delivery-status", "", "Reporting-MTA: dns; mx.example.org", "",
		"Final-Recipient: rfc822; " + to, "Action: failed", "Status: 5.1.1", "Diagnostic-Code: smtp; " + said, "--b--"}
}

// TestEndToEndBounce: mail out, bounce back, never mailed again, and why says so;
// the same for a complaint, and for leaving by mail.
func TestEndToEndBounce(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(t *testing.T) string{
		"sqlite":   func(t *testing.T) string { return filepath.Join(t.TempDir(), "press.db") },
		"postgres": func(t *testing.T) string { return schematest.PostgresURL(t) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWay(t, open(t))
			ctx := t.Context()
			w.openWay()
			readers := subscribe(t, w.Press, "morning", []string{"ann@readers.example", "dead@readers.example", "spam@readers.example", "bye@readers.example"})
			first := w.issue(1)
			w.sendIssue(first)
			w.checkMails(4)

			dead := w.to("dead@readers.example")
			if err := w.send(strings.Replace(dead.From, "+", "+x", 1), deliveryReport("dead@readers.example", "550 5.1.1 forged")...); err == nil || !strings.Contains(err.Error(), "550") {
				t.Errorf("a forged return path: %v, want 550", err)
			}
			if err := w.send("bounces@bounces.news.example", "Subject: x", "", "x"); err == nil {
				t.Error("an address without a token is taken")
			}
			w.mustSend(dead.From, deliveryReport("dead@readers.example", "550 5.1.1 <dead@readers.example>: User unknown in RCPT")...)

			spam := w.to("spam@readers.example")
			head, _, _ := strings.Cut(string(spam.Raw), "\r\n\r\n")
			head = regexp.MustCompile(`(?m)^To: .*\r\n`).ReplaceAllString(head, "To: <redacted@example.org>\r\n")
			w.mustSend(w.feedbackAddress(), "From: fbl@example.org", "Content-Type: multipart/report; report-type=feedback-report; boundary=b", "", "--b", "", "A complaint.",
				"--b", "Content-Type: message/feedback-report", "", "Feedback-Type: abuse", "User-Agent: x/1", "Version: 1", "--b", "Content-Type: text/rfc822-headers", "", head, "", "--b--")

			link, leave := w.leaving(w.to("bye@readers.example").Raw)
			if w.stateOf(readers["bye@readers.example"]) != subscribers.Active || !strings.Contains(link, "/u/") {
				t.Fatal(link)
			}
			w.mustSend(leave, "From: bye@readers.example", "Subject: unsubscribe", "", "")

			for address, want := range map[string]string{"dead@readers.example": "hard", "spam@readers.example": "complaint", "bye@readers.example": "", "ann@readers.example": ""} {
				x, ok, err := w.Subscribers.Suppressed(ctx, w.DB.Read, address)
				if err != nil || ok != (want != "") || string(x.Reason) != want {
					t.Errorf("%s: suppressed %v as %q (%v), want %q", address, ok, x.Reason, err, want)
				}
			}
			if got := w.stateOf(readers["bye@readers.example"]); got != subscribers.Unsubscribed {
				t.Errorf("who asked by mail to leave is %s", got)
			}

			second := w.issue(2)
			before := len(w.inbox.Messages(""))
			w.sendIssue(second)
			if n := len(w.inbox.Messages("")) - before; n != 1 {
				t.Errorf("the next issue brought %d mails, want one, to ann", n)
			}
			for _, tt := range []struct {
				issue   int64
				address string
				want    []string
			}{
				{first.ID, "dead@readers.example", []string{"bounced at", "User unknown", "suppressed"}},
				{first.ID, "spam@readers.example", []string{"complained at", "reported it as spam", "suppressed"}},
				{second.ID, "dead@readers.example", []string{"suppressed (hard)"}},
				{second.ID, "spam@readers.example", []string{"suppressed (complaint)"}},
				{second.ID, "bye@readers.example", []string{"unsubscribed"}},
			} {
				why, err := w.Why(ctx, tt.issue, tt.address)
				for _, want := range tt.want {
					if err != nil || !strings.Contains(why.Line, want) {
						t.Errorf("why %d %s: %q, %v; want %q in it", tt.issue, tt.address, why.Line, err, want)
					}
				}
			}
			list, total, err := w.Mailer.Returned(ctx, mailer.ReturnedFilter{})
			if err != nil || total != 3 {
				t.Errorf("%d mails came back, %v: %+v; want 3", total, err, list)
			}

			// Who only waits yet is told nothing of what came back from others.
			if err := w.Mailer.Stop(ctx, "ed", "a look"); err != nil {
				t.Fatal(err)
			}
			third := w.issue(3)
			if err := w.SendNow(ctx, third.ID, "ed"); err != nil {
				t.Fatal(err)
			}
			within(t, 10*time.Second, "who waits is told so, and nothing else", func() bool { // a sender may hold him yet
				why, err := w.Why(ctx, third.ID, "ann@readers.example")
				return err == nil && strings.Contains(why.Line, "Waits to be sent") && !strings.Contains(why.Line, "came back")
			})
		})
	}
}

// checkMails verifies signatures and seals of every mail of an issue, and of the
// letters their signatures.
func (w *way) checkMails(issue int) {
	w.Helper()
	lookup := func(name string) ([]string, error) { return []string{w.keys[name]}, nil }
	n := 0
	for _, m := range w.inbox.Messages("") {
		found, err := msgauth.VerifyWithOptions(bytes.NewReader(m.Raw), &msgauth.VerifyOptions{LookupTXT: lookup})
		want := 2
		if !bytes.Contains(m.Raw, []byte("@news.example>\r\n")) {
			want = 0 // a sender that is not ours to sign for
		}
		if err != nil || len(found) != want {
			w.Errorf("to %v: %d signatures, %v; want %d", m.To, len(found), err, want)
		}
		for _, v := range found {
			if v.Err != nil {
				w.Errorf("to %v: %v", m.To, v.Err)
			}
		}
		if _, err := issueOfMessageID(messageID(m.Raw)); err != nil {
			continue
		}
		n++
		if _, err := w.Verify(w.Context(), m.Raw); err != nil {
			w.Errorf("to %v: %v", m.To, err)
		}
		if local, _, _ := strings.Cut(m.From, "@"); !strings.HasPrefix(m.From, "bounces+k1-") || len(local) > 64 {
			w.Errorf("to %v: return path %q", m.To, m.From)
		}
	}
	if n != issue {
		w.Errorf("%d mails of the issue, want %d", n, issue)
	}
}

// TestTestMailsChangeNothing follows the links and addresses of test mails and
// previews.
func TestTestMailsChangeNothing(t *testing.T) {
	w := newWay(t, filepath.Join(t.TempDir(), "press.db"))
	ctx := t.Context()
	w.openWay()
	ann := subscribe(t, w.Press, "morning", []string{"ann@readers.example"})["ann@readers.example"]
	issue := w.issue(1)
	if err := w.SendTest(ctx, issue.ID, []string{"ed@news.example"}, "", "ed"); err != nil {
		t.Fatal(err)
	}
	if err := w.SendTest(ctx, issue.ID, []string{"second@news.example"}, "ann@readers.example", "ed"); err != nil {
		t.Fatal(err)
	}
	if err := w.SendTest(ctx, issue.ID, []string{"ed@news.example"}, "stranger@readers.example", "ed"); err == nil {
		t.Error("a test was sent as somebody who is not there")
	}
	within(t, 60*time.Second, "the test mail arrives", func() bool { return len(w.inbox.Messages("ed@news.example")) > 0 })
	if from := w.to("ed@news.example").From; !strings.HasPrefix(from, "bounces+") {
		t.Errorf("the test mail leaves as from %s, want a return path of its own", from)
	}
	ed, asReader, err := w.copyFor(ctx, issue, "ann@readers.example")
	if err != nil {
		t.Fatal(err)
	}
	within(t, 60*time.Second, "the test mail as a reader arrives", func() bool { return len(w.inbox.Messages("second@news.example")) > 0 })
	mails := map[string][]byte{"test mail": w.to("ed@news.example").Raw, "test mail as a reader": w.to("second@news.example").Raw}
	parsed, err := message.Parse(ed.Message)
	if err != nil {
		t.Fatal(err)
	}
	if mails["as reader"], err = parsed.Message(asReader); err != nil {
		t.Fatal(err)
	}
	for name, kind := range map[string]string{"test mail": "a test mail of morning #", "test mail as a reader": "a test mail of morning #", "as reader": "a preview, which no reader got, of morning #"} {
		if got, err := w.Verify(ctx, mails[name]); err != nil || !strings.HasPrefix(got, kind) || !strings.HasSuffix(got, ", sealed "+ed.Hash) {
			t.Errorf("%s: it is %q, %v; want %s…", name, got, err, kind)
		}
		if got, err := w.Verify(ctx, bytes.Replace(mails[name], []byte("</html>"), []byte("<b></html>"), 1)); err == nil {
			t.Errorf("%s, altered: it is %q", name, got)
		}
	}
	sample := sampleValues(w.Config.PublicURL, "news.example", time.Now())
	for name, raw := range mails {
		link, address := w.leaving(raw)
		for _, page := range []string{link, asReader.Named[templates.SlotPreferences], sample.Unsubscribe, sample.Named[templates.SlotPreferences]} {
			res, err := http.Get(page)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(res.Body)
			res.Body.Close()
			if res.StatusCode != 200 || !strings.Contains(strings.ToLower(string(body)), "test") {
				t.Errorf("%s: %s answers %d and does not say that this is a test", name, page, res.StatusCode)
			}
			for _, form := range []url.Values{{"List-Unsubscribe": {"One-Click"}}, {templates.FieldAll: {"1"}}} {
				if res, err = http.PostForm(page, form); err != nil {
					t.Fatal(err)
				}
				res.Body.Close()
			}
		}
		w.mustSend(address, "From: ann@readers.example", "Subject: unsubscribe "+name, "", "")
		if got := w.stateOf(ann); got != subscribers.Active {
			t.Errorf("%s: the reader is %s", name, got)
		}
	}
	list, total, err := w.Mailer.Returned(ctx, mailer.ReturnedFilter{Kind: "test"})
	if err != nil || total != 3 {
		t.Errorf("%d requests are booked as tests, %v: %+v", total, err, list)
	}
}

// TestMailtoOnlyWhileOpen: without a canary that came back, mails offer no address.
func TestMailtoOnlyWhileOpen(t *testing.T) {
	w := newWay(t, filepath.Join(t.TempDir(), "press.db"))
	subscribe(t, w.Press, "morning", []string{"ann@readers.example"})
	w.sendIssue(w.issue(1))
	if raw := w.to("ann@readers.example").Raw; bytes.Contains(raw, []byte("mailto:")) {
		t.Error("a mailto before the way back is known to work")
	}
}

func TestBounceConfig(t *testing.T) {
	for text, want := range map[string]string{
		`listen = "smtp://0.0.0.0:25"`:                                                                                         "address is missing",
		`address = "bounces@b.example"`:                                                                                        "say how mail comes",
		"address = \"bounces@b.example\"\nlisten = \"0.0.0.0:25\"":                                                             "write smtp://",
		"address = \"bounces@b.example\"\nlisten = \"smtp://0.0.0.0\"":                                                         "the port is missing",
		"address = \"b+c@b.example\"\nlisten = \"smtp://0.0.0.0:25\"":                                                          "the name before the @",
		"address = \"b@b.example\"\nlisten = \"lmtp:///run/x.sock\"\nplain = true":                                             "plain is for mailboxes",
		"address = \"b@b.example\"\nimap = \"imaps://mail.example\"":                                                           "imaps://user@mail.example.com",
		"address = \"b@b.example\"\nimap = \"imaps://u:p@mail.example\"":                                                       "take the password out",
		"address = \"b@b.example\"\nimap = \"imaps://u@mail.example\"\nevery = \"10m\"":                                        "within 5m",
		"address = \"b@b.example\"\nimap = \"imaps://u@mail.example\"\nsoft_days = -1":                                         "soft_days is -1",
		"address = \"b@b.example\"\nimap = \"imaps://u@mail.example\"\nlisten = \"smtp://x:25\"":                               "choose one",
		`adress = "b@b.example"`:                                                                                               `did you mean "bounce.address"`,
		"address = \"b@b.example\"\nimap = \"imaps://u@mail.example\"\nfolder = \"Bounces\"\nevery = \"2m\"\nsoft_bounces = 3": "",
		"address = \"b@b.example\"\nlisten = \"lmtp:///run/pressrun/lmtp.sock\"":                                               "",
	} {
		path := filepath.Join(t.TempDir(), "press.toml")
		if err := os.WriteFile(path, []byte("[bounce]\n"+text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := LoadConfig(path)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

// FuzzReadTrace: what is not signed is no trace, whatever text it stands in.
func FuzzReadTrace(f *testing.F) {
	keys, err := subscribers.GenerateKeys(filepath.Join(f.TempDir(), "link.keys"))
	if err != nil {
		f.Fatal(err)
	}
	p := &Press{Config: Config{Bounce: BounceConfig{Address: "bounces@b.example"}}, Subscribers: &subscribers.Store{Keys: keys}}
	good := p.returnAddress(subscribers.Claim{Kind: subscribers.KindDelivery, Mail: 5})
	link := keys.Token(subscribers.KindUnsubscribe, 5, 1)
	if _, ok := p.readTrace("<" + strings.ToUpper(good) + ">"); !ok {
		f.Fatal("our own address is not read")
	}
	if tr, ok := p.readTrace("<https://l.example/u/" + link + ">"); !ok || tr.Subscriber != 5 {
		f.Fatal("our own link is not read")
	}
	f.Add("<" + good + ">")
	f.Add("bounces+k1-aaaa@b.example, /u/k1." + base64.RawURLEncoding.EncodeToString(make([]byte, 20)))
	f.Fuzz(func(t *testing.T, text string) {
		if tr, ok := p.readTrace(text); ok && !strings.Contains(strings.ToLower(text), good[:40]) && !strings.Contains(text, link[:40]) {
			t.Errorf("%q is read as %+v", text, tr)
		}
	})
}
