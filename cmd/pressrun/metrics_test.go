package main

import (
	"bytes"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

// TestMetrics: who shows a token reads how things stand.
func TestMetrics(t *testing.T) {
	r := newCountingRoom(t, `fetch = {delay = "0s", allow = ["127.0.0.0/8"]}
[[relay]]
name = "main"
url = "smtp://127.0.0.1:1"`)
	issue := r.draft(t)
	sources, err := r.Digest.Sources(t.Context())
	if err != nil || len(sources) != 1 {
		t.Fatalf("%d sources, %v", len(sources), err)
	}
	if err := r.Digest.PauseSource(t.Context(), sources[0].ID, false); err != nil {
		t.Fatal(err)
	}
	if err := r.Mailer.Stop(t.Context(), "op", "moving house"); err != nil {
		t.Fatal(err)
	}
	if err := r.raise(t.Context(), "relay", "main", "It does not answer."); err != nil {
		t.Fatal(err)
	}
	scrape := func(want int, token string) string {
		t.Helper()
		req := httptest.NewRequest("GET", "/metrics", nil)
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		w := httptest.NewRecorder()
		r.Handler().ServeHTTP(w, req)
		if w.Code != want {
			t.Errorf("it answers %d, want %d: %s", w.Code, want, w.Body)
		}
		return w.Body.String()
	}
	if text := scrape(401, ""); !strings.Contains(text, "token add") || strings.Contains(text, "pressrun_") {
		t.Errorf("without a token it says %s", text)
	}
	token := strings.Fields(r.say(t, "token", "add", "prometheus", "--role", "viewer"))[0]
	text := scrape(200, token)
	for _, line := range []string{
		`pressrun_armed 1`, `pressrun_stopped 1`, `pressrun_alarms_open\{kind="relay"\} 1`, `pressrun_relay_up\{relay="main"\} 1`,
		`pressrun_issues\{newsletter="` + issue.Newsletter + `",state="draft"\} 1`, `pressrun_source_up\{source="[^"]+"\} 1`,
		`go_goroutines \d+`, `process_resident_memory_bytes \S+`,
	} {
		if !regexp.MustCompile(`(?m)^` + line + `$`).MatchString(text) {
			t.Errorf("it lacks %s", line)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
	r.Config.Relays[0].URL = "smtp://relay.example.com"
	if text := scrape(200, token); !strings.Contains(text, "\npressrun_armed 0\n") {
		t.Error("by a relay elsewhere nothing goes out unarmed")
	}
	if err := r.raise(t.Context(), "a \"quoted\\\nkind", "x", "odd"); err != nil {
		t.Fatal(err)
	}
	var ours bytes.Buffer
	if err := r.tellGauges(t.Context(), &ours); err != nil {
		t.Fatal(err)
	}
	if odd, err := promlint.New(&ours).Lint(); err != nil || len(odd) > 0 {
		t.Errorf("names or helps that are not as they should be: %v, %v", odd, err)
	}
}
