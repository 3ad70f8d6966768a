package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// config check says of a file that press.toml names and that is missing or of no
// use what serve says, and how to mend it; nothing is made.
func TestConfigCheckOpensFiles(t *testing.T) {
	const relay = "[[relay]]\nname = \"main\"\nurl = \"smtp://127.0.0.1\"\n"
	for name, c := range map[string]struct {
		toml string
		want []string
	}{
		"a password":   {relay + "password_file = \"main.pw\"\n", []string{"password of relay main", "main.pw: no such file", "password_file", "PRESSRUN_RELAY_MAIN_PASSWORD"}},
		"a mailbox":    {"[bounce]\naddress = \"b@example.com\"\nimap = \"imaps://u@mail.example.com\"\npassword_file = \"b.pw\"\n", []string{"bounce mailbox", "b.pw: no such file", "PRESSRUN_BOUNCE_PASSWORD"}},
		"a DKIM key":   {"[[dkim]]\ndomain = \"example.com\"\nselector = \"p\"\nkey_file = \"p.pem\"\n", []string{"dkim p of example.com", "p.pem: no such file", "pressrun dkim new --domain example.com"}},
		"no DKIM key":  {"[[dkim]]\ndomain = \"example.com\"\nselector = \"p\"\nkey_file = \"empty.pem\"\n", []string{"empty.pem"}},
		"certificates": {"tls_cert = \"c.pem\"\ntls_key = \"k.pem\"\n", []string{"c.pem: no such file", "mend tls_cert and tls_key"}},
		"a database":   {"database = \"new/room/press.db\"\n", []string{"open database", "mend its path, or make that directory"}},
		"a directory":  {"database = \".\"\n", []string{"that is a directory", "press.db"}},
		"no directory": {"database = \"empty.pem/press.db\"\n", []string{"empty.pem is a file, no directory; mend its path"}},
		"no database":  {"database = \"press.toml\"\n", []string{"press.toml: the file is not a SQLite database: mend database in press.toml"}},
		"a URL":        {"database = \"postgres://press:hunter2@db.example.com:port/press\"\n", []string{"the URL cannot be read", "postgres://user:password@host:5432/name"}},
		"no place":     {"keys = \"empty.pem/link.keys\"\n", []string{"empty.pem", "mend keys in press.toml"}},
		"a journal":    {"journal = \"empty.pem/new/departures.journal\"\n", []string{"empty.pem", "mend journal in press.toml"}},
		"no journal":   {"journal = \".\"\n", []string{"is a directory", "mend journal in press.toml"}},
		"link keys":    {"keys = \"empty.pem\"\n", []string{"empty.pem", "it holds no key"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, "press.toml")
			for path, text := range map[string]string{file: c.toml, filepath.Join(dir, "empty.pem"): ""} {
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			say := func(verb ...string) string {
				var out, errs bytes.Buffer
				if code := run(t.Context(), append([]string{"-c", file}, verb...), strings.NewReader(""), &out, &errs); code != exitUsage {
					t.Fatalf("%v: exit %d, want %d: %s", verb, code, exitUsage, out.String())
				}
				return errs.String()
			}
			text := say("config", "check")
			for _, want := range c.want {
				if !strings.Contains(text, want) {
					t.Errorf("it says %s; want %q", text, want)
				}
			}
			if files, _ := os.ReadDir(dir); len(files) != 2 {
				t.Errorf("it made %v", files)
			}
			served := say("serve", "--listen", "127.0.0.1:0")
			_, what, _ := strings.Cut(strings.TrimSpace(text), file+": ")
			if served != "pressrun serve: "+file+": "+what+"\n" {
				t.Errorf("serve says %s, config check %s", served, text)
			}
		})
	}
}
