package bounce

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestClassifyFiles(t *testing.T) {
	dir := t.TempDir()
	one, box := filepath.Join(dir, "one.eml"), filepath.Join(dir, "box.mbox")
	mail := report("Final-Recipient: rfc822; mara@example.org", "Action: failed", "Status: 5.1.1")
	second := report("Final-Recipient: rfc822; juna@example.net", "Action: failed", "Status: 5.2.2")
	postmark := []byte("From MAILER-DAEMON  Thu Apr 29 23:34:45 2027\r\n")
	write(t, one, mail)
	write(t, box, bytes.Join([][]byte{postmark, mail, []byte("\r\n"), postmark, second}, nil))

	var out bytes.Buffer
	if err := ClassifyFiles(&out, bytes.NewReader(mail), []string{one, box, "-"}); err != nil {
		t.Fatal(err)
	}
	want := `{"file":"` + one + `","kind":"bounce","recipient":"mara@example.org","status":"5.1.1","reply":"","class":"hard","reason":"userunknown"}
{"file":"` + box + `","kind":"bounce","recipient":"mara@example.org","status":"5.1.1","reply":"","class":"hard","reason":"userunknown"}
{"file":"` + box + `","kind":"bounce","recipient":"juna@example.net","status":"5.2.2","reply":"","class":"soft","reason":"mailboxfull"}
{"file":"-","kind":"bounce","recipient":"mara@example.org","status":"5.1.1","reply":"","class":"hard","reason":"userunknown"}
`
	if got := out.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if err := ClassifyFiles(&out, nil, []string{filepath.Join(dir, "none")}); err == nil {
		t.Error("got no error for a file that is not there")
	}
}

func write(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
