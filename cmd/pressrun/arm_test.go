package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"pressrun/mailer/catch"
	"pressrun/mailer/smtp"
)

// Arming wants a postal address in every newsletter, a relay that answers, and the
// code of a mail that this relay took: not of one that still waits.
func TestArmProvesTheRelay(t *testing.T) {
	d, _ := newDeskless(t)
	was := armPatience
	armPatience = 300 * time.Millisecond
	t.Cleanup(func() { armPatience = was })
	inbox := &catch.Catcher{}
	relay := listenLoopback(t)
	t.Cleanup(func() { inbox.Close() })
	arm := func(in io.Reader, want int, words string) {
		t.Helper()
		var out, errs bytes.Buffer
		if code := run(context.Background(), []string{"-c", d.config, "arm", "--to", "op@news.example"}, in, &out, &errs); code != want || !strings.Contains(out.String()+errs.String(), words) {
			t.Errorf("exit %d, want %d and %q: %s%s", code, want, words, out.String(), errs.String())
		}
	}
	nobody := strings.NewReader("")
	arm(nobody, exitFailed, "no relay is configured")
	toml, err := os.ReadFile(d.config)
	if err != nil {
		t.Fatal(err)
	}
	closed := listenLoopback(t)
	closed.Close()
	use := func(address string) {
		if err := os.WriteFile(d.config, append(bytes.Clone(toml), "\n[[relay]]\nname = \"main\"\nurl = \"smtp://"+address+"\"\n"...), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	use(relay.Addr().String())
	arm(nobody, 0, "nothing to arm: every relay is on this machine")
	// 0.0.0.0 is this machine as well, and no loopback address.
	toml = bytes.Replace(toml, []byte("public_url = \"http://"), []byte("public_url = \"https://"), 1)
	elsewhere := func(l net.Listener) { use("0.0.0.0:" + strconv.Itoa(l.Addr().(*net.TCPAddr).Port) + "?tls=none") }
	elsewhere(closed)
	arm(nobody, exitFailed, "connection refused")
	elsewhere(relay)
	go inbox.Serve(relay)
	d.verb("name = \"evening\"\nlist = \"morning\"\nfrom = \"News <digest@news.example>\"\n[brand]\nname = \"News\"\npostal = \"Postal address missing: set brand.postal\"\n", "newsletter", "apply", "-f", "-")
	arm(nobody, exitFailed, "newsletter evening has no postal address")
	d.verb("", "newsletter", "pause", "evening")
	arm(nobody, exitFailed, "no serve with this relay is running")

	e := &env{ctx: t.Context(), config: d.config, err: io.Discard}
	p, err := e.open()
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Mailer.Run(ctx) }()
	armPatience = 20 * time.Second
	arm(nobody, exitFailed, "a relay has taken the test mail to op@news.example")
	armed := 0
	for _, m := range inbox.Messages("") { // the one that waited among them: its code is too old
		code := regexp.MustCompile(`\b[0-9]{6}\b`).FindString(string(m.Raw))
		if exit, out, _ := d.verb("", "arm", "--code", code); exit == 0 && strings.Contains(out, "armed: mail now leaves by the relays") {
			armed++
		}
	}
	if armed != 1 {
		t.Errorf("%d of %d mails with a code armed, want the last alone", armed, len(inbox.Messages("")))
	}
	stop()
	if err := errors.Join(<-ended, p.Close()); err != nil {
		t.Error(err)
	}
}

// TestLostArmingIsAnnounced: a host with another name sends nothing any more, until
// somebody arms or disarms it.
func TestLostArmingIsAnnounced(t *testing.T) {
	r := newCountingRoom(t, "public_url = \"https://digest.example.com\"\n[[relay]]\nname = \"main\"\nurl = \"smtp://relay.example.com\"\n")
	look := func() string {
		r.watchArming(t.Context())
		return r.alarmed(t, "arming")
	}
	if told := look(); told != "" {
		t.Errorf("where nobody has armed it yet: %s", told)
	}
	for _, end := range []func(){
		func() { r.Mailer.Host = "old" },
		func() { r.Mailer.Disarm(t.Context()) },
	} {
		r.Mailer.Host = "old"
		var code string
		err := r.DB.InTx(t.Context(), func(tx *sql.Tx) (err error) {
			code, err = r.Mailer.ArmingCode(t.Context(), tx, "op")
			return err
		})
		if err := errors.Join(err, r.Mailer.Arm(t.Context(), "op", code)); err != nil {
			t.Fatal(err)
		}
		if told := look(); told != "" {
			t.Errorf("armed: %s", told)
		}
		r.Mailer.Host = "new"
		if told := look(); !strings.Contains(told, "armed for old digest.example.com") {
			t.Errorf("on a host of another name: %q", told)
		}
		end()
		if told := look(); told != "" {
			t.Errorf("when that is over: %s", told)
		}
	}
}

// TestLostRelayIsAnnounced: an installation whose mail has left, and whose press.toml
// names no relay any more, says so until there is one again, or it is disarmed.
func TestLostRelayIsAnnounced(t *testing.T) {
	r := newCountingRoom(t, "public_url = \"https://digest.example.com\"\n")
	relays := map[string][]RelayConfig{"": nil, "here": {{Name: "main", URL: "smtp://127.0.0.1:1"}}, "there": {{Name: "main", URL: "smtp://relay.example.com"}}, "trial": {{Name: "main", URL: "maildir:" + t.TempDir()}}}
	look := func(relay, want string) {
		t.Helper()
		r.Config.Relays, r.Mailer.Relays, r.standing = relays[relay], nil, nil // as after another start
		if relay != "" && relay != "trial" {
			r.Mailer.Relays = []*smtp.Relay{{Name: "main", URL: relays[relay][0].URL}}
		}
		if r.Config.unarmed() {
			if err := r.Inspect(t.Context(), 0); err != nil {
				t.Fatal(err)
			}
		}
		r.watchArming(t.Context())
		if told := r.alarmed(t, "arming"); want == "" && told != "" || !strings.Contains(told, want) {
			t.Errorf("relay %q: alarm %q, want %q", relay, told, want)
		}
		if f := r.examineSending(t.Context())[0]; f.OK != (want == "") || !strings.Contains(f.Text, want) {
			t.Errorf("relay %q: doctor says %+v, want %q", relay, f, want)
		}
	}
	disarm := func() {
		t.Helper()
		if code, _, errs := (&deskless{T: t, config: r.Config.path}).verb("", "disarm"); code != 0 {
			t.Fatal(errs)
		}
	}
	look("", "")
	look("trial", "")
	look("", "")
	look("here", "")
	look("", "there was a relay in press.toml")
	look("here", "")
	look("", "there was a relay in press.toml")
	disarm()
	look("", "")

	var code string
	err := r.DB.InTx(t.Context(), func(tx *sql.Tx) (err error) {
		code, err = r.Mailer.ArmingCode(t.Context(), tx, "op")
		return err
	})
	if err := errors.Join(err, r.Mailer.Arm(t.Context(), "op", code)); err != nil {
		t.Fatal(err)
	}
	look("there", "")
	look("", "mail waits until it expires")
	host := r.Mailer.Host
	r.Mailer.Host = "new"
	look("", "All mail stays in the built-in inbox")
	r.Mailer.Host = host
	look("there", "")
	look("", "mail waits until it expires")
	r.Config.Catch = true
	look("", "")
	r.Config.Catch = false
	disarm()
	look("", "")
}

// TestForgottenStopIsAnnounced: who stopped sending for a while may forget it, and a
// restore leaves it so.
func TestForgottenStopIsAnnounced(t *testing.T) {
	r := newCountingRoom(t, "")
	now := time.Now()
	r.Now = func() time.Time { return now }
	look := func() string {
		r.watchArming(t.Context())
		return r.alarmed(t, "stopped")
	}
	if err := r.Mailer.Stop(t.Context(), "ed@news.example", "a wrong headline"); err != nil {
		t.Fatal(err)
	}
	if told := look(); told != "" {
		t.Errorf("at once: %s", told)
	}
	now = now.Add(61 * time.Minute)
	if told := look(); !strings.Contains(told, "by ed@news.example (a wrong headline)") || !strings.Contains(told, "pressrun start") {
		t.Errorf("an hour later: %q", told)
	}
	if err := r.Mailer.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if told := look(); told != "" {
		t.Errorf("when it goes on: %s", told)
	}
}
