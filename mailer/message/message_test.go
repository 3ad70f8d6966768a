package message_test

import (
	"bytes"
	"errors"
	"fmt"
	"mime"
	"net/mail"
	"slices"
	"strings"
	"testing"
	"time"

	"pressrun/mailer/message"
	"pressrun/templates"
)

var when = time.Date(2026, 11, 23, 7, 0, 0, 0, time.FixedZone("", 5*3600))

func digest() templates.Email {
	name, unsub, prefs := templates.Slot("name"), templates.Slot("unsubscribe"), templates.Slot("preferences")
	var html, text strings.Builder
	fmt.Fprintf(&html, "<!doctype html><html><body><p>Good morning %s,</p>\n.<p>", name)
	fmt.Fprintf(&text, "Good morning %s,\n\n.hidden file\n", name)
	for i := range 20 {
		fmt.Fprintf(&html, "<h2><a href=\"https://news.example/%d?a=1&amp;src=morning\">Story %d = news, بازار میں تیزی</a></h2>\n", i, i)
		fmt.Fprintf(&text, "Story %d\nhttps://news.example/%d?src=morning\n\n", i, i)
	}
	fmt.Fprintf(&html, "</p><a href=\"%s\">Unsubscribe</a> <a style='x' href='%s'>Preferences</a> %s%s</body></html>\n", unsub, prefs, name, name)
	fmt.Fprintf(&text, "Unsubscribe: %s\nPreferences: %s", unsub, prefs)
	return templates.Email{
		From: `"Example \"Daily\" News" <digest@news.example>`, ReplyTo: "editor@news.example",
		Subject: "Markets rise; بازار میں تیزی", HTML: html.String(), Text: text.String(), Language: "en",
		ListID: "Ēxample morning <morning.news.example>", FeedbackID: "1:morning:digest:example",
		Slots: []string{"name", "unsubscribe", "preferences"},
	}
}

func reader() message.Values {
	return message.Values{
		To: "jan@example.org", Date: when, MessageID: "7.42.abc@news.example", Unsubscribe: "https://l.example/u/TOKEN?k=1&x=2",
		Named: map[string]string{"name": "Jan <b>& Söhne\" =3D", "preferences": "https://l.example/p/TOKEN"},
	}
}

func compose(t *testing.T, e templates.Email) []byte {
	t.Helper()
	msg, err := message.Compose(e)
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

func splice(t *testing.T, msg []byte, v message.Values) []byte {
	t.Helper()
	tpl, err := message.Parse(msg)
	if err != nil {
		t.Fatal(err)
	}
	wire, err := tpl.Splice(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	return wire
}

// received undoes what the wire adds.
func received(wire []byte) []byte {
	b := bytes.TrimSuffix(wire, []byte(".\r\n"))
	return bytes.ReplaceAll(b, []byte("\r\n.."), []byte("\r\n."))
}

func TestComposeIsStable(t *testing.T) {
	want := compose(t, digest())
	for range 20 {
		if got := compose(t, digest()); !bytes.Equal(got, want) {
			t.Fatal("equal input gave different bytes")
		}
	}
}

func TestHeader(t *testing.T) {
	m, err := mail.ReadMessage(bytes.NewReader(received(splice(t, compose(t, digest()), reader()))))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"To":                    "<jan@example.org>",
		"Reply-To":              "<editor@news.example>",
		"Date":                  "Mon, 23 Nov 2026 07:00:00 +0500",
		"Message-Id":            "<7.42.abc@news.example>",
		"List-Unsubscribe":      "<https://l.example/u/TOKEN?k=1&x=2>",
		"List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
		"Feedback-Id":           "1:morning:digest:example",
		"Precedence":            "bulk",
		"Content-Language":      "en",
		"Mime-Version":          "1.0",
		"Auto-Submitted":        "",
		"User-Agent":            "",
		"X-Mailer":              "",
	} {
		if got := m.Header.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]string{
		"Subject": "Markets rise; بازار میں تیزی",
		"List-Id": "Ēxample morning <morning.news.example>",
	} {
		got, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get(name))
		if err != nil || got != want {
			t.Errorf("%s: got %q %v, want %q", name, got, err, want)
		}
	}
	if from, err := m.Header.AddressList("From"); err != nil || from[0].Name != `Example "Daily" News` {
		t.Errorf("From: got %v %v", from, err)
	}
	for name, values := range m.Header {
		if len(values) != 1 {
			t.Errorf("%s stands %d times", name, len(values))
		}
	}
}

func TestLetterHasNoListHeader(t *testing.T) {
	e := templates.Email{From: "a@example.org", Subject: "Confirm", Text: "Hello\n", Auto: true}
	head, _, _ := strings.Cut(string(compose(t, e)), "\r\n\r\n")
	for _, unwanted := range []string{"List-", "Precedence", "Feedback-ID", "multipart"} {
		if strings.Contains(head, unwanted) {
			t.Errorf("a letter has %s", unwanted)
		}
	}
	if !strings.Contains(head, "Auto-Submitted: auto-generated\r\n") {
		t.Error("an automatic letter does not say so")
	}
}

// Lines are short and 7-bit, whatever the values are.
func TestWire(t *testing.T) {
	v := reader()
	v.Named["name"] = ".dot first " + strings.Repeat("ü<&", 60)
	v.Named["preferences"] = "https://l.example/p/" + strings.Repeat("x", 900)
	wire := splice(t, compose(t, digest()), v)
	if !bytes.HasSuffix(wire, []byte("\r\n.\r\n")) {
		t.Error("the wire form does not end the message")
	}
	inBody := false
	for line := range strings.SplitSeq(string(wire), "\r\n") {
		inBody = inBody || line == ""
		if inBody && len(strings.TrimPrefix(line, ".")) > 76 { // a doubled dot does not count
			t.Errorf("line of %d characters: %s", len(line), line)
		}
		if strings.ContainsAny(line, "\r\n") {
			t.Errorf("bare CR or LF in %q", line)
		}
		for _, r := range line {
			if r >= 0x80 {
				t.Errorf("8-bit line %q", line)
				break
			}
		}
	}
	body := string(wire[:len(wire)-5])
	for i := 0; ; {
		n := strings.Index(body[i:], "\r\n.")
		if n < 0 {
			break
		}
		i += n + 3
		if body[i] != '.' {
			t.Fatal("a line begins with a single dot")
		}
	}
}

func TestPreviewIsWhatWasMeant(t *testing.T) {
	e, v := digest(), reader()
	html, text, err := message.Preview(compose(t, e), v)
	if err != nil {
		t.Fatal(err)
	}
	fill := func(s string, esc func(string) string) string {
		for name, value := range map[string]string{"name": v.Named["name"], "preferences": v.Named["preferences"], "unsubscribe": v.Unsubscribe} {
			s = strings.ReplaceAll(s, templates.Slot(name), esc(value))
		}
		return s
	}
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;")
	if want := fill(e.HTML, escape.Replace); strings.TrimSpace(html) != strings.TrimSpace(want) {
		t.Errorf("HTML: got %q, want %q", html, want)
	}
	if want := fill(e.Text, func(s string) string { return s }); strings.TrimSpace(text) != strings.TrimSpace(want) {
		t.Errorf("text: got %q, want %q", text, want)
	}
}

func TestSubject(t *testing.T) {
	for _, tc := range []struct{ subject, name, test, want string }{
		{"Plain words", "", "", "Plain words"},
		{"Plain words", "", "Test", "Test Plain words"},
		{"تازہ خبریں", "", "[آزمائش]", "[آزمائش] تازہ خبریں"},
		{"Hello " + templates.Slot("name") + ", the news", "Jan Ö", "", "Hello Jan Ö, the news"},
		{"Hello " + templates.Slot("name") + ", the news", "", "", "Hello , the news"},
		{templates.Slot("name") + "’s morning", "Eve", "TEST", "TEST Eve’s morning"},
		{"one\r\nBcc: all@example.org", "", "", "one Bcc: all@example.org"},
		{strings.Repeat("word ", 60), "", "", strings.Repeat("word ", 29) + "word…"},
		{"=?UTF-8?q?fake?=", "", "", "=?UTF-8?q?fake?="},
	} {
		e := templates.Email{From: "a@example.org", Subject: tc.subject, Text: "x", Slots: []string{"name"}}
		v := message.Values{To: "b@example.org", Date: when, MessageID: "1@x", Named: map[string]string{"name": tc.name, "test": tc.test}}
		m, err := mail.ReadMessage(bytes.NewReader(received(splice(t, compose(t, e), v))))
		if err != nil {
			t.Fatal(err)
		}
		got, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
		if err != nil || strings.TrimSpace(got) != tc.want {
			t.Errorf("%q with name %q, mark %q: got %q %v, want %q", tc.subject, tc.name, tc.test, got, err, tc.want)
		}
	}
}

func TestHostileValuesAreRefused(t *testing.T) {
	tpl, err := message.Parse(compose(t, digest()))
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*message.Values){
		"CR LF in To":            func(v *message.Values) { v.To = "a@b.example>\r\nBcc: <all@example.org" },
		"NUL in To":              func(v *message.Values) { v.To = "a\x00@b.example" },
		"no To":                  func(v *message.Values) { v.To = "" },
		"LF in the Message-ID":   func(v *message.Values) { v.MessageID = "1\n2@x" },
		"bracket in unsubscribe": func(v *message.Values) { v.Unsubscribe = "https://x.example/>,<mailto:a@b.example" },
		"script as preferences":  func(v *message.Values) { v.Named["preferences"] = "javascript:alert(1)" },
		"relative preferences":   func(v *message.Values) { v.Named["preferences"] = "/p/1" },
		"no preferences":         func(v *message.Values) { delete(v.Named, "preferences") },
		"endless name":           func(v *message.Values) { v.Named["name"] = strings.Repeat("x", 3000) },
	} {
		v := reader()
		spoil(&v)
		if _, err := tpl.Splice(nil, v); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestComposeRefuses(t *testing.T) {
	for name, spoil := range map[string]func(*templates.Email){
		"no text":       func(e *templates.Email) { e.Text = " \n" },
		"no sender":     func(e *templates.Email) { e.From = "nobody" },
		"bad Reply-To":  func(e *templates.Email) { e.ReplyTo = "a@b\r\nBcc: c@d.example" },
		"unlisted slot": func(e *templates.Email) { e.Slots = nil },
		"bad List-Id":   func(e *templates.Email) { e.ListID = "Title <a b>" },
	} {
		e := digest()
		spoil(&e)
		if _, err := message.Compose(e); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestVerify(t *testing.T) {
	sealed := compose(t, digest())
	v := reader()
	got := received(splice(t, sealed, v))
	transport := []byte("Return-Path: <b@bounces.example>\r\nReceived: from a\r\n\tby b; Mon, 23 Nov 2026\r\n")
	for name, mail := range map[string][]byte{
		"as sent":               got,
		"with transport header": slices.Concat(transport, got),
		"LF line ends":          bytes.ReplaceAll(slices.Concat(transport, got), []byte("\r\n"), []byte("\n")),
		"blank line added":      slices.Concat(got, []byte("\r\n")),
	} {
		values, err := message.Verify(mail, sealed)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for slot, want := range map[string]string{
			"to": v.To, "messageid": v.MessageID, "unsubscribe": v.Unsubscribe, "preferences": v.Named["preferences"],
			"name": v.Named["name"], "test": "", "date": "Mon, 23 Nov 2026 07:00:00 +0500",
		} {
			if values[slot] != want {
				t.Errorf("%s: slot %s: got %q, want %q", name, slot, values[slot], want)
			}
		}
	}
	for name, change := range map[string]func(string) string{
		"a word changed": func(s string) string { return strings.Replace(s, "Story 7", "Story 8", 1) },
		"a header added": func(s string) string { return strings.Replace(s, "Subject:", "X-Spam: no\r\nSubject:", 1) },
		"a footer added": func(s string) string { return s + "scanned\r\n" },
		"a line removed": func(s string) string { return strings.Replace(s, "Story 3\r\n", "", 1) },
		"another mail":   func(s string) string { return "From: x\r\n\r\nhello\r\n" },
		"nothing":        func(s string) string { return "" },
	} {
		if _, err := message.Verify([]byte(change(string(got))), sealed); !errors.Is(err, message.ErrSeal) {
			t.Errorf("%s: got %v, want ErrSeal", name, err)
		}
	}
}

func TestSpliceAllocatesNothing(t *testing.T) {
	tpl, err := message.Parse(compose(t, digest()))
	if err != nil {
		t.Fatal(err)
	}
	v := reader()
	v.Named["unsubscribe"] = v.Unsubscribe
	buf := make([]byte, 0, 64<<10)
	got := testing.AllocsPerRun(100, func() {
		if _, err := tpl.Splice(buf, v); err != nil {
			t.Fatal(err)
		}
	})
	if got > 6 { // url.Parse, once a URL slot
		t.Errorf("got %v allocations a message, want at most 6", got)
	}
}

// Whatever the values are: either they are refused, or the received mail
// verifies, gives the values back and has the sealed mail's structure.
func FuzzSplice(f *testing.F) {
	f.Add("jan@example.org", "Jan", "https://x.example/1", "Test")
	f.Add("a@b\r\nX: y", "\r\n.\r\n", "javascript:1", "=?")
	f.Add("x@y.example", ".\r\n--part", "https://x.example/\"><script>", "ü\n")
	sealed, err := message.Compose(digest())
	if err != nil {
		f.Fatal(err)
	}
	tpl, err := message.Parse(sealed)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, to, name, link, mark string) {
		v := message.Values{To: to, Date: when, MessageID: "1@x.example", Unsubscribe: link, Named: map[string]string{"name": name, "preferences": link, "test": mark}}
		wire, err := tpl.Splice(nil, v)
		if err != nil {
			return
		}
		if n := bytes.Index(wire, []byte("\r\n.\r\n")); n != len(wire)-5 {
			t.Fatalf("the message ends at %d of %d bytes", n, len(wire))
		}
		values, err := message.Verify(received(wire), sealed)
		if err != nil {
			t.Fatal(err)
		}
		if values["to"] != to || values["unsubscribe"] != link {
			t.Fatalf("got back %q", values)
		}
	})
}

// Verify and Parse survive anything, and only a true copy verifies.
func FuzzVerify(f *testing.F) {
	sealed, err := message.Compose(digest())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed, sealed)
	f.Add([]byte("From: a\r\n\r\nx"), []byte("Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n\r\n--a--\r\n"))
	f.Fuzz(func(t *testing.T, mail, seal []byte) {
		if _, err := message.Verify(mail, seal); err == nil {
			if _, err := message.Parse(seal); err != nil {
				t.Fatal("verified against what is no message")
			}
		}
	})
}
