package bounce

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzClassify: whatever the bytes, there is at least one report and a bounded
// number, twice the same; kinds, classes and reasons are known ones; and no text
// breaks a line, for reports end in tables and logs.
func FuzzClassify(f *testing.F) {
	f.Add(report("Final-Recipient: rfc822; mara@example.org", "Action: failed", "Status: 5.1.1"))
	f.Add(feedbackReport("Feedback-Type: abuse"))
	f.Add(inWords("MAILER-DAEMON@mx.example.org", "failure notice", "<mara@example.org>:", "550 <mara@example.org>... User unknown"))
	f.Add(mailOf("Content-Type: multipart/mixed; boundary=a", "", "--a", "Content-Type: multipart/mixed; boundary=a", "", "--a"))
	f.Add([]byte("Content-Type: text/plain; charset=iso-2022-jp\nContent-Transfer-Encoding: base64\n\n////"))
	f.Add([]byte("From: a@b.example\nSubject: x\n\n{\"notificationType\":\"Bounce\"}"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		got := Classify(raw)
		if len(got) == 0 || len(got) > maxReports {
			t.Fatalf("got %d reports", len(got))
		}
		if again := Classify(raw); !slices.Equal(got, again) {
			t.Fatalf("got %+v, then %+v", got, again)
		}
		for _, r := range got {
			if !slices.Contains([]string{KindBounce, KindComplaint, KindAutoreply, KindNone}, r.Kind) {
				t.Errorf("kind %q", r.Kind)
			}
			if !slices.Contains([]Class{Hard, Soft, Sender, Complaint, None}, r.Class) {
				t.Errorf("class %q", r.Class)
			}
			if r.Kind == KindBounce && reasons[r.Reason] == "" {
				t.Errorf("reason %q", r.Reason)
			}
			for _, s := range []string{r.Recipient, r.Status, r.Reply, r.Diagnostic, r.MessageID, r.FeedbackType} {
				if strings.ContainsAny(s, "\r\n\x00") || !utf8.ValidString(s) || len(s) > maxDiagnostic {
					t.Errorf("text %q", s)
				}
			}
		}
	})
}
