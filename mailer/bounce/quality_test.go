package bounce

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// labelled finds the folder of labelled bounces beside the module, or skips.
func labelled(t *testing.T) string {
	t.Helper()
	root := os.Getenv("PRESSRUN_DATA")
	if root == "" {
		dir, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		for {
			if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
				break
			}
			dir = filepath.Dir(dir)
		}
		root = filepath.Join(dir, "..", "shared", "data")
	}
	dir := filepath.Join(root, "bounces")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the labelled bounces are not here")
	}
	return dir
}

// expected is what two other classifiers say of a file.
type expected struct {
	Agree bool `json:"oracles_agree"`
	Facts []struct {
		Recipient, Reason, Feedback string
		Hard                        bool
	}
}

// TestQualityBounces holds the figures on files of which both oracles say the
// same, and that no other mail is called a bounce.
func TestQualityBounces(t *testing.T) {
	dir := labelled(t)
	raw, err := os.ReadFile(filepath.Join(dir, "expected.dev.json"))
	if err != nil {
		t.Fatal(err)
	}
	var files map[string]expected
	if err := json.Unmarshal(raw, &files); err != nil {
		t.Fatal(err)
	}
	var facts, named, hard, class, recipient float64
	for name, want := range files {
		if !want.Agree {
			continue
		}
		got := classifyFile(t, filepath.Join(dir, "dev", name))
		for _, fact := range want.Facts {
			r, found := byRecipient(got, fact.Recipient)
			facts++
			if (r.Class == Hard) == fact.Hard {
				hard++
			}
			if r.Class == folded(fact.Reason, fact.Feedback, fact.Hard) {
				class++
			}
			if strings.HasPrefix(fact.Recipient, "undisclosed-") || strings.HasPrefix(fact.Recipient, "redacted@") {
				continue
			}
			named++
			if found {
				recipient++
			}
		}
	}
	for _, bar := range []struct {
		what      string
		got, want float64
	}{{"hard flag", hard / facts, .97}, {"class", class / facts, .95}, {"recipient", recipient / named, .98}} {
		t.Logf("%s %.1f %%", bar.what, 100*bar.got)
		if bar.got < bar.want {
			t.Errorf("%s: got %.3f, want at least %.2f", bar.what, bar.got, bar.want)
		}
	}
	others, err := filepath.Glob(filepath.Join(dir, "dev-not-bounce", "*.eml"))
	if err != nil || len(others) == 0 {
		t.Fatalf("no other mails: %v", err)
	}
	for _, name := range others {
		for _, r := range classifyFile(t, name) {
			if r.Kind == KindBounce || r.Kind == KindComplaint {
				t.Errorf("%s: got %+v, want no bounce", filepath.Base(name), r)
			}
		}
	}
}

func classifyFile(t *testing.T, name string) []Report {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return classifyAll(raw)
}

func byRecipient(got []Report, to string) (Report, bool) {
	for _, r := range got {
		if strings.EqualFold(r.Recipient, to) {
			return r, true
		}
	}
	return got[0], false
}

// folded is the class of an oracle's reason. Reasons that the oracles call hard
// only sometimes count as soft otherwise.
func folded(reason, feedback string, hard bool) Class {
	switch {
	case reason == "feedback" && (feedback == "not-spam" || feedback == "auth-failure"), reason == "delivered", reason == "vacation":
		return None
	case reason == "feedback":
		return Complaint
	case hard:
		return Hard
	case classOf(reason) == Hard:
		return Soft
	}
	return classOf(reason)
}
