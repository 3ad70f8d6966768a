package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDKIMVerb(t *testing.T) {
	dir := t.TempDir()
	config := filepath.Join(dir, "press.toml")
	var out, errs bytes.Buffer
	call := func(args ...string) int {
		out.Reset()
		errs.Reset()
		return run(context.Background(), append([]string{"-c", config}, args...), strings.NewReader(""), &out, &errs)
	}
	if code := call("--json", "dkim", "new", "--domain", "news.example", "--selector", "s1"); code != 0 {
		t.Fatalf("exit %d: %s", code, errs.String())
	}
	var keys []dkimKey
	if err := json.Unmarshal(out.Bytes(), &keys); err != nil || len(keys) != 2 {
		t.Fatalf("%v: %s", err, out.String())
	}
	toml := ""
	for _, k := range keys {
		info, err := os.Stat(filepath.Join(dir, k.File))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", k.File, info, err)
		}
		toml += "[[dkim]]\ndomain = \"" + k.Domain + "\"\nselector = \"" + k.Selector + "\"\nkey_file = \"" + k.File + "\"\n"
	}
	if code := call("dkim", "new", "--domain", "news.example", "--selector", "s1"); code != exitFailed || !strings.Contains(errs.String(), "there already") {
		t.Errorf("a second time: exit %d: %s", code, errs.String())
	}
	write := func(text string) {
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var apart []dkimKey
	if code := call("--json", "dkim", "new", "--domain", "news.example", "--selector", "s2", "--kind", "rsa", "--dir", filepath.Join(dir, "new", "keys")); code != 0 || json.Unmarshal(out.Bytes(), &apart) != nil || len(apart) != 1 {
		t.Fatalf("in a directory of their own: exit %d: %s%s", code, out.String(), errs.String())
	}
	write("[[dkim]]\ndomain = \"news.example\"\nselector = \"s2r\"\nkey_file = \"" + apart[0].File + "\"\n")
	if code := call("dkim", "ls"); code != 0 || !strings.Contains(out.String(), "s2r._domainkey") {
		t.Errorf("what is printed for the configuration does not lead to the key: %s%s", out.String(), errs.String())
	}
	if code := call("dkim", "new", "--domain", "news.example", "--dir", apart[0].File); code != exitFailed || !strings.Contains(errs.String(), "mend --dir") {
		t.Errorf("in a file: exit %d: %s", code, errs.String())
	}
	write(toml)
	if code := call("dkim", "ls"); code != 0 || strings.Count(out.String(), "IN TXT") != 2 || !strings.Contains(out.String(), "s1r._domainkey.news.example.") {
		t.Errorf("ls: exit %d: %s%s", code, out.String(), errs.String())
	}
	for text, want := range map[string]string{
		toml + toml:                          "stands twice",
		"[[dkim]]\ndomain = \"a.example\"\n": "needs a domain and a selector",
		"[[dkim]]\nselecter = \"a\"\n":       `did you mean "dkim.selector"`,
	} {
		write(text)
		if code := call("config", "check"); code != exitUsage || !strings.Contains(errs.String(), want) {
			t.Errorf("%q: exit %d: %s; want %q", text, code, errs.String(), want)
		}
	}
	write(toml)
	if err := os.Chmod(filepath.Join(dir, keys[0].File), 0o644); err != nil {
		t.Fatal(err)
	}
	if code := call("dkim", "ls"); code != exitFailed || !strings.Contains(errs.String(), "chmod 600") {
		t.Errorf("a key that others may read: exit %d: %s", code, errs.String())
	}
}
