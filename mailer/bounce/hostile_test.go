package bounce

import (
	"strings"
	"testing"
	"time"
)

// TestHostileShapes: what grows with the square of a mail would show here.
func TestHostileShapes(t *testing.T) {
	const size = maxMail / 4 // the race detector is slow, and squares show here as well
	repeat := func(s string) string { return strings.Repeat(s, size/len(s)) }
	head := "From: MAILER-DAEMON@mx.example.org\nSubject: Undelivered mail\n"
	nested := ""
	for range 200 {
		nested += "Content-Type: multipart/mixed; boundary=b\n\n--b\n"
	}
	tests := []struct{ name, raw string }{
		{"one folded field", "Subject: a\n" + repeat(" b\n")},
		{"many fields", repeat("X: y\n")},
		{"many recipients in words", head + "\n" + repeat("<a@example.org>: 550 5.1.1 no\n")},
		{"many different recipients", head + "\n" + different("<r%@example.org>: host said: 550 5.1.1 <no@example.org>: unknown\n", size)},
		{"many groups", head + "Content-Type: multipart/report; boundary=b\n\n--b\n\n" + different("<r%@example.org>: lost\n", size/4) +
			"--b\nContent-Type: message/delivery-status\n\n" + different("Final-Recipient: rfc822; r%@example.org\nStatus: 5.0.0\n\n", size/2)},
		{"one folded report field", head + "Content-Type: message/delivery-status\n\nFinal-Recipient: a@example.org\nStatus: 5\n" + repeat(" b\n")},
		{"nested parts", nested + repeat("--b\n")},
		{"many parts", "Content-Type: multipart/mixed; boundary=b\n\n" + repeat("--b\n\nx\n")},
		{"no line ends", head + "\n" + repeat("550 user@ ")},
		{"open tags", head + "Content-Type: text/html\n\n" + repeat("<style ")},
		{"at signs", head + "\n" + repeat("a@")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			start := time.Now()
			got := Classify([]byte(tt.raw))
			if len(got) == 0 || len(got) > maxReports {
				t.Errorf("got %d reports", len(got))
			}
			if took := time.Since(start); took > 15*time.Second { // milliseconds, but for the race detector
				t.Errorf("took %s", took)
			} else {
				t.Log(took)
			}
		})
	}
}

// different repeats a pattern, % being another letter sequence each time.
func different(pattern string, size int) string {
	var b strings.Builder
	for i := 0; b.Len() < size; i++ {
		b.WriteString(strings.Replace(pattern, "%", strings.Repeat("x", i%40)+string(rune('a'+i%26)), 1))
	}
	return b.String()
}
