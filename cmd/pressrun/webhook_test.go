package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// The newsroom's chat hears of an alarm once when it opens and once when it is
// over, also if it did not listen at first.
func TestAlarmReachesTheWebhook(t *testing.T) {
	heard := make(chan map[string]string, 10)
	var turnedOn atomic.Bool
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if turnedOn.CompareAndSwap(false, true) {
			http.Error(w, "not now", http.StatusServiceUnavailable)
			return
		}
		var v map[string]string
		if err := json.NewDecoder(r.Body).Decode(&v); err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s: %v", r.Method, r.Header.Get("Content-Type"), err)
		}
		heard <- v
	}))
	defer hook.Close()
	p, l := pressAt(t, filepath.Join(t.TempDir(), "press.db"), "", "127.0.0.1:1")
	p.Config.AlarmWebhook = hook.URL + "/secret"
	serving(t, p, l)
	ctx := context.Background()

	next := func() map[string]string {
		t.Helper()
		select {
		case v := <-heard:
			return v
		case <-time.After(time.Minute):
			t.Fatal("nothing was heard within a minute")
			return nil
		}
	}
	p.Alarm(ctx, "silent source", "7", "Nothing new for two days.")
	p.Alarm(ctx, "silent source", "7", "Nothing new for two days.")
	v := next()
	if v["kind"] != "silent source" || v["subject"] != "7" || v["state"] != "open" || v["desk"] != p.Config.PublicURL+"/desk/sources" ||
		v["text"] != "7 has published nothing new. Nothing new for two days. "+v["desk"] {
		t.Errorf("heard %v", v)
	}
	if at, err := time.Parse(time.RFC3339Nano, v["at"]); err != nil || time.Since(at) > time.Hour {
		t.Errorf("at %q: %v", v["at"], err)
	}
	p.Clear(ctx, "silent source", "7")
	if v := next(); v["state"] != "closed" || v["text"] != "Over: 7 has published nothing new." {
		t.Errorf("after the alarm was taken back it heard %v", v)
	}
}

// A webhook that takes no alarms is an alarm itself, until it takes one, or is gone.
func TestDeafWebhookIsAnnounced(t *testing.T) {
	r := newCountingRoom(t, "alarm_webhook = \"http://127.0.0.1:1/services/secret\"\n")
	for attempt := 1; attempt <= 8; attempt++ {
		err := r.runWebhook(t.Context(), webhookJob{Alarm: "relay", State: "open"})
		if r.heard(t.Context(), attempt, err) == nil {
			t.Fatal("nobody listens there")
		}
		if told := r.alarmed(t, "unreached"); (told != "") != (attempt >= deafAt) || strings.Contains(told, "secret") {
			t.Errorf("after %d attempts: %q", attempt, told)
		}
	}
	if err := r.inspectLetters(t.Context()); err != nil || r.alarmed(t, "unreached") == "" {
		t.Errorf("who looks at letters ends it, %v", err)
	}
	if err := r.heard(t.Context(), 1, nil); err != nil || r.alarmed(t, "unreached") != "" {
		t.Errorf("when it hears again: %v, %q", err, r.alarmed(t, "unreached"))
	}
	r.heard(t.Context(), deafAt, errors.New("404 Not Found"))
	r.Config.AlarmWebhook = ""
	if err := r.endGone(t.Context(), true); err != nil || r.alarmed(t, "unreached") != "" {
		t.Errorf("without a webhook: %v, %q", err, r.alarmed(t, "unreached"))
	}
}

// The address is often a secret: trouble with it is told without it.
func TestWebhookTroubleKeepsTheAddress(t *testing.T) {
	p := &Press{Config: Config{AlarmWebhook: "http://127.0.0.1:1/services/secret"}}
	err := p.runWebhook(context.Background(), webhookJob{Alarm: "relay", State: "open"})
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("error %v; want one without the address", err)
	}
}

// A database that takes nothing keeps no alarm: the webhook is told by itself, once, and
// when it is over.
func TestWebhookHearsOfTheDatabase(t *testing.T) {
	every, after := writtenEvery, unwritten
	writtenEvery, unwritten = 10*time.Millisecond, time.Millisecond
	t.Cleanup(func() { writtenEvery, unwritten = every, after })
	heard := make(chan string, 100)
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		heard <- string(b)
	}))
	defer hook.Close()
	p, _ := pressAt(t, filepath.Join(t.TempDir(), "press.db"), "", "127.0.0.1:1")
	p.Config.AlarmWebhook = hook.URL
	const readOnly = `pragma query_only = `
	if _, err := p.DB.Write.Exec(readOnly + "1"); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- p.watchDatabase(ctx) }()
	if v := <-heard; !strings.Contains(v, `"text":"Sending waits: the database cannot be written. Since `) || !strings.Contains(v, "the database is read-only: ") || !strings.Contains(v, `"state":"open"`) {
		t.Errorf("heard %s", v)
	}
	if _, err := p.DB.Write.Exec(readOnly + "0"); err != nil {
		t.Fatal(err)
	}
	if v := <-heard; !strings.Contains(v, "Over: Sending waits") {
		t.Errorf("then %s", v)
	}
	stop()
	if err := <-done; err != nil || len(heard) > 0 {
		t.Errorf("%v; heard %d more", err, len(heard))
	}
}
